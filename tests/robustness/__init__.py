"""Faults, floods and hostile neighbours, with real processes, signals and sockets."""
