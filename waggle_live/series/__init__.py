"""The sums of a process: the state of each series, and the registry of names."""
