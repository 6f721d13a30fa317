"""Basic authentication against bcrypt hashes.

A check takes some 0.1 s of CPU on purpose, so it runs in one thread beside the event loop. Right
credentials are remembered and cost nothing again. An unknown user costs the same check, so the time
doesn't show who exists. Checks wait for the thread by address, and for each address by user; the
one that has waited longest is next. So a client that guesses delays no other address, and at its
own address only the user that it tries.
"""

import asyncio
import hmac
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from weakref import WeakValueDictionary

from aiohttp.helpers import BasicAuth as Credentials

#: Right credentials that are remembered; the oldest makes room.
DEFAULT_MAX_REMEMBERED = 100
#: bcrypt looks at no more of a password; a longer one is the same as its beginning.
MAX_PASSWORD_BYTES = 72


class BasicAuth:
    """Tells whether credentials are right. Belongs to the event loop."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "bcrypt")
        #: Those that are waited for, by address, and by address and user.
        self._turns: WeakValueDictionary[tuple[str, ...], asyncio.Lock] = WeakValueDictionary()
        #: Remembered is a keyed hash; what is in memory is no help in guessing passwords.
        self._secret = secrets.token_bytes(32)
        self._right: dict[bytes, None] = {}

    async def accepts(self, users: Mapping[str, bytes], header: str | None, address: str) -> bool:
        """Tell whether the ``Authorization`` header is that of a user.

        Waits while others have their turns. ``address``: whose turn it takes.
        """
        credentials = _parse(header)
        if credentials is None:
            return False
        user, password = credentials
        name = user.decode(errors="surrogateescape")
        known = users.get(name)
        # The hash belongs to the key: a changed password is checked anew.
        against = known or next(iter(users.values()))
        key = self._key(user, against, password)
        if known is not None and key in self._right:
            return True
        # A lock is given to those who want it in their order: so the thread has one who waits
        # for each address, and an address one for each user.
        name = "" if known is None else name
        async with self._turn(address, name), self._turn(address):
            if known is not None and key in self._right:
                return True  # it was found so meanwhile
            # One who gives up while it waits for the thread has not had it.
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
