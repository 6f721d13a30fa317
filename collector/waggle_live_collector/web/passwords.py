"""Basic authentication against bcrypt hashes.

A check takes about 0.1 s of CPU on purpose, so one thread makes the checks. Valid credentials are
remembered and not checked again. An unknown user costs the same check, so the time doesn't show
which users exist. Each address has one check waiting for the thread, and each user of an address
one waiting for that. The longest wait is next. So a client that guesses passwords delays no other
address, and at its own address only the user that it tries.
"""

import asyncio
import hmac
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from weakref import WeakValueDictionary

from aiohttp.helpers import BasicAuth as Credentials

#: The most valid credentials that are remembered. The oldest are dropped.
DEFAULT_MAX_REMEMBERED = 100
#: bcrypt ignores the rest of a password.
MAX_PASSWORD_BYTES = 72


class BasicAuth:
    """Tells whether credentials are valid. Belongs to the event loop."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "bcrypt")
        #: The locks of waiting checks, by address, and by address and user.
        self._turns: WeakValueDictionary[tuple[str, ...], asyncio.Lock] = WeakValueDictionary()
        #: The key of the hashes in ``_right``, which don't help in guessing passwords.
        self._secret = secrets.token_bytes(32)
        self._right: dict[bytes, None] = {}

    async def accepts(self, users: Mapping[str, bytes], header: str | None, address: str) -> bool:
        """Tell whether the ``Authorization`` header has the credentials of a user.

        Waits for other checks. ``address`` is the client's, see the module.
        """
        credentials = _parse(header)
        if credentials is None:
            return False
        user, password = credentials
        name = user.decode(errors="surrogateescape")
        known = users.get(name)
        # The key contains the bcrypt hash, so a changed password is checked again.
        against = known or next(iter(users.values()))
        key = self._key(user, against, password)
        if known is not None and key in self._right:
            return True
        # asyncio.Lock is fair. So one check per address waits for the thread, and one per user
        # waits for its address.
        name = "" if known is None else name
        async with self._turn(address, name), self._turn(address):
            if known is not None and key in self._right:
                return True  # another check found it valid meanwhile
            # A check that is cancelled while it waits doesn't run.
            loop = asyncio.get_running_loop()
            right = await loop.run_in_executor(self._thread, _is_right, password, against)
            if not right or known is None:
                return False
        self._right[key] = None
        while len(self._right) > DEFAULT_MAX_REMEMBERED:
            del self._right[next(iter(self._right))]
        return True

    def _turn(self, *who: str) -> asyncio.Lock:
        return self._turns.setdefault(who, asyncio.Lock())

    def _key(self, *parts: bytes) -> bytes:
        return hmac.digest(self._secret, repr(parts).encode(), "sha256")


def _parse(header: str | None) -> tuple[bytes, bytes] | None:
    """Return the user and password of a header; None if it has none."""
    try:
        given = Credentials.decode(header or "", "latin1")  # keeps every byte as it is
    except ValueError:
        return None
    return given.login.encode("latin1"), given.password.encode("latin1")


def _is_right(password: bytes, against: bytes) -> bool:
    import bcrypt  # needed only with users

    try:
        return bcrypt.checkpw(password[:MAX_PASSWORD_BYTES], against)
    except ValueError:  # older bcrypt refuses some bytes
        return False
