"""How a node is reached: its address, the look-up of its name, and the choice of an address."""
