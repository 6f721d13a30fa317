"""Basic authentication against bcrypt hashes.

A check takes some 0.1 s of CPU on purpose, so it runs in one thread, beside the event loop;
credentials that were right are remembered and cost nothing again. An unknown user costs the same
check, so that time doesn't tell who exists. Requests that wait for a check are bounded: who only
guesses can't use up more than that one thread, and doesn't keep remembered scrapers waiting.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from aiohttp.helpers import BasicAuth as Credentials

#: Right credentials that are remembered; the oldest makes room.
DEFAULT_MAX_REMEMBERED = 100
#: Checks that may wait for the thread; more are turned away.
DEFAULT_MAX_PENDING_CHECKS = 16
#: bcrypt looks at no more of a password; a longer one is the same as its beginning.
MAX_PASSWORD_BYTES = 72


class BusyError(Exception):
    """Too many checks wait already; the same request may succeed later."""


class BasicAuth:
    """Tells whether credentials are right. Belongs to the event loop."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "bcrypt")
        #: Remembered is a keyed hash; what is in memory is no help in guessing passwords.
        self._secret = secrets.token_bytes(32)
        self._right: dict[bytes, None] = {}
        self._pending: dict[bytes, asyncio.Future[bool]] = {}

    async def accepts(self, users: Mapping[str, bytes], header: str | None) -> bool:
        """Tell whether the ``Authorization`` header is of one of the users; raises BusyError."""
        credentials = _parse(header)
        if credentials is None:
            return False
        user, password = credentials
        known = users.get(user.decode(errors="surrogateescape"))
        # The hash belongs to the key: a changed password is checked anew.
        against = known or next(iter(users.values()))
        key = self._key(user, against, password)
        if known is not None and key in self._right:
            return True
        right = await self._check(key, password, against)
        if not right or known is None:
            return False
        self._right[key] = None
        while len(self._right) > DEFAULT_MAX_REMEMBERED:
            del self._right[next(iter(self._right))]
        return True

    async def _check(self, key: bytes, password: bytes, against: bytes) -> bool:
        pending = self._pending.get(key)
        if pending is None:
            if len(self._pending) >= DEFAULT_MAX_PENDING_CHECKS:
                raise BusyError
            loop = asyncio.get_running_loop()
            pending = loop.run_in_executor(self._thread, _is_right, password, against)
            self._pending[key] = pending
            pending.add_done_callback(lambda _: self._pending.pop(key, None))
        # One who gives up must not cancel the check for others with the same credentials.
        return await asyncio.shield(pending)

    def _key(self, *parts: bytes) -> bytes:
        digest = hmac.new(self._secret, digestmod=hashlib.sha256)
        for part in parts:
            digest.update(len(part).to_bytes(4))
            digest.update(part)
        return digest.digest()


def _parse(header: str | None) -> tuple[bytes, bytes] | None:
    """Return user and password of a header; None if it holds none."""
    try:
        given = Credentials.decode(header or "", "latin1")  # keeps every byte as it is
    except ValueError:
        return None
    return given.login.encode("latin1"), given.password.encode("latin1")


def _is_right(password: bytes, against: bytes) -> bool:
    import bcrypt  # only who has users needs it

    try:
        return bcrypt.checkpw(password[:MAX_PASSWORD_BYTES], against)
    except ValueError:  # older bcrypt refuses some bytes
        return False
