"""What ends the demonstration with a message instead of a traceback."""


class DemoError(Exception):
    """Something is in the way; the message says what, and what to do."""
