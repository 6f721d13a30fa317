"""What the web configuration file can be at fault for. Imports nothing."""


class WebConfigError(Exception):
    """The file can't be used; the message names it, the line, what is wrong and what is right."""
