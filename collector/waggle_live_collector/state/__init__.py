"""The state file: what a collector goes on from after a restart."""
