"""``Late``: a deadline that has passed, and what was waited for."""

import socket


class Late(socket.timeout):
    """The message says what has not come in time."""
