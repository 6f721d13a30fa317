"""A session: one process of one plugin, as the collector knows it."""

import os
from binascii import hexlify
from typing import Any, Dict, Optional

from ..native import Native
from ..version import VERSION
from ..wire.protocol import VERSION as PROTOCOL_VERSION
from .address import find_token
from .ends import find_parent
from .identity import ClaimedIdentity, clean


class Session:
    """Id, secret key, start, and the rising number of updates. Only the sender's thread uses it.

    A process that reconnects keeps its session. A forked child makes a new one.
    """

    def __init__(self, identity: ClaimedIdentity, *, start_time: Optional[float] = None) -> None:
        self._identity = identity
        # The node's name, as the stack's scheduler sets it.
        self._host = clean(os.environ.get("HOST", ""))
        self._token = find_token(os.environ)
        self._start_time = Native.time() if start_time is None else start_time
        self.started = Native.monotonic()
        #: Number of the last update that was sent.
        self.number = 0
        self.renew()

    def renew(self) -> None:
        """Take a new id and key, for a new session."""
        self._id = hexlify(Native.urandom(16)).decode()
        self._key = hexlify(Native.urandom(16)).decode()

    def hello(self, over_tcp: bool = False) -> Dict[str, Any]:
        """Return the message that opens a connection of this session.

        The token goes only to a collector that is reached over TCP, which may require it.
        """
        message: Dict[str, Any] = {
            "type": "hello",
            "version": PROTOCOL_VERSION,
            "session": self._id,
            "key": self._key,
            **self._identity._asdict(),
            "host": self._host,
            "pid": Native.getpid(),
            "parent": find_parent(),
            "start_time": self._start_time,
            "monotonic": self.started,
            "client": "waggle-live/%s" % VERSION,
        }
        if over_tcp and self._token:
            message["token"] = self._token
        return message
