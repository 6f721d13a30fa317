"""A directory of its own, which TAU puts on the path of the program that it runs."""
