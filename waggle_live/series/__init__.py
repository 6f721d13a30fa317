"""What a process adds up: the state of each series, and the registry of names."""
