"""Tokens in files: a client with that of ``--tcp.token-file`` may report over TCP."""

import logging
from hmac import compare_digest

from .. import regular_file

log = logging.getLogger(__name__)

#: The longest token in bytes, without surrounding white space: the most that a ``hello`` takes.
MAX_TOKEN = 1024


class TokenError(Exception):
    """The token file can't be used. The message says why."""


class TokenFile:
    """Compares a token with the file, which is read anew each time.

    So a replaced token is valid at once. ``purpose``: what it is for. A file that has become
    unreadable or empty admits nobody until it is fixed; that is logged once.
    """

    def __init__(self, path: str, purpose: str = "report over TCP") -> None:
        """Read the file. Raises TokenError."""
        self._path = path
        self._purpose = purpose
        self._complaint = ""
        self.read()

    def read(self) -> bytes:
        """Return the token. Raises TokenError."""
        try:
            token = regular_file.read(self._path, 4 * MAX_TOKEN).strip()
        except OSError as error:
            reason = error.strerror or str(error)
            raise TokenError(f"can't read the token file {self._path}: {reason}") from error
        if not token or len(token) > MAX_TOKEN:
            raise TokenError(f"the token file {self._path} must hold 1 to {MAX_TOKEN} bytes")
        return token

    def admits(self, shown: str | None) -> bool:
        """Tell whether ``shown`` is the token, in the same time whichever part is wrong."""
        try:
            token = self.read()
        except TokenError as error:
            if str(error) != self._complaint:
                log.error("%s; nobody can %s until it is fixed", error, self._purpose)
            self._complaint = str(error)
            return False
        self._complaint = ""
        return compare_digest((shown or "").strip().encode(errors="replace"), token)
