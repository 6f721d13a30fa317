"""How a node is reached: its address, the look-up of its name, and the first of its addresses."""
