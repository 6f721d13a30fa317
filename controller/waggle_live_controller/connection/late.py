"""``Late``: a deadline has passed."""

import socket


class Late(socket.timeout):
    """Something has not come in time. The message says what."""
