"""What is written from the rows of a run: docs/benchmarks and the figures of docs/fleet.md."""
