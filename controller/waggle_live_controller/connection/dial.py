"""Connects to the first of a host's addresses that accepts.

Each address is tried a moment after the one before it, and beside it. So dead addresses delay no
living one (RFC 8305, "Happy Eyeballs").
"""

import errno
import os
import selectors
import socket
import time
from collections import deque
from itertools import chain, zip_longest
from typing import Deque, List, Optional

from .late import Late
from .resolver import Info

#: Seconds that an address is tried alone.
HEAD_START = 0.25
_UNDER_WAY = (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EINTR)


def dial(addresses: List[Info], deadline: float) -> socket.socket:
    """Return a connected socket by ``deadline`` (``time.monotonic()``).

    Raises :class:`Late` if none has connected in time, else the OSError of the last address.
    """
    waiting: Deque[Info] = deque(addresses)
    # All are begun in the first half of the time, so the last one has the other half.
    head_start = min(HEAD_START, (deadline - time.monotonic()) / 2 / max(len(waiting), 1))
    error: Optional[OSError] = None
    next_at = 0.0
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or selector.get_map():
                now = time.monotonic()
                if now >= deadline:
                    if not selector.get_map():  # none was tried: the time was over before
                        raise socket.timeout("timed out")
                    raise Late("none of its addresses took the connection")
                if waiting and (now >= next_at or not selector.get_map()):
                    next_at = now + head_start
                    try:
                        selector.register(_begin(waiting.popleft()), selectors.EVENT_WRITE)
                    except OSError as failure:
                        error = failure
                    continue
                until = min(deadline, next_at) if waiting else deadline
                for key, _ in selector.select(until - now):
                    sock: socket.socket = key.fileobj  # type: ignore[assignment]
                    selector.unregister(sock)
                    failed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if not failed:
                        return sock
                    sock.close()
                    error, next_at = OSError(failed, os.strerror(failed)), now
        finally:
            for key in list(selector.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]
    raise error or OSError("the name has no address")


def in_turn(addresses: List[Info]) -> List[Info]:
    """Return the addresses with families, IPv6 and IPv4 alternating: one family may not work."""
    families = dict.fromkeys(address[0] for address in addresses)
    by_family = ([each for each in addresses if each[0] == family] for family in families)
    return [each for each in chain.from_iterable(zip_longest(*by_family)) if each is not None]


def _begin(address: Info) -> socket.socket:
    """Return a socket that is connecting. Raises OSError."""
    family, kind, protocol, _, where = address
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        code = sock.connect_ex(where)
        if code and code not in _UNDER_WAY:
            raise OSError(code, os.strerror(code))
    except BaseException:
        sock.close()
        raise
    return sock
