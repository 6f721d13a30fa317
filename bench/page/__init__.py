"""What is written from the rows of a run: bench/results and the figures of docs/guides/fleet.md."""
