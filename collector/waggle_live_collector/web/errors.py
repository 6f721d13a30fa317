"""The error of the web configuration file. Imports nothing."""


class WebConfigError(Exception):
    """The file can't be used. The message names it, the line, what is wrong and what is right."""
