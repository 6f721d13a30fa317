"""What to decide by numbers: pure, without clocks, sockets and threads."""
