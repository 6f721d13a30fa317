"""The error of the web configuration file. Imports nothing."""


class WebConfigError(Exception):
    """The file can't be used. The message names file, line, fault, and what would be right."""
