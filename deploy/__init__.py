"""What runs Waggle Live beyond one machine: configuration, and the programs that make it."""
