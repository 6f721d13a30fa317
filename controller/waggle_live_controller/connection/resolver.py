"""``Resolver``: the IP addresses of a host, within a deadline.

The system's look-up of a name can't be interrupted and may take half a minute. So it runs in its
own thread, and callers wait only until their deadline.
"""

import concurrent.futures
import socket
import threading
import time
from concurrent.futures import Future
from ipaddress import ip_address
from typing import Any, List, Optional

from .late import Late

#: Address info, as ``socket.getaddrinfo`` returns it.
Info = Any


class Resolver:
    """Looks up one host, at most once at a time. Not thread-safe."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._pending: Optional[Future[List[Info]]] = None

    def addresses(self, deadline: float) -> List[Info]:
        """Return the addresses by ``deadline`` (``time.monotonic()``).

        Raises :class:`Late` if they are late: the next call then uses what was found meanwhile.
        Raises OSError if the name can't be resolved.
        """
        if _is_ip(self._host):
            return _look_up(self._host, self._port)
        self._pending = pending = self._pending or self._begin()
        concurrent.futures.wait([pending], max(deadline - time.monotonic(), 0.0))
        if not pending.done():
            raise Late("its name is not resolved yet")
        self._pending = None
        return pending.result()

    def _begin(self) -> "Future[List[Info]]":
        pending: Future[List[Info]] = Future()
        arguments = (self._host, self._port, pending)
        try:
            threading.Thread(target=_run, args=arguments, name="resolver", daemon=True).start()
        except RuntimeError as error:
            raise OSError("its name can't be resolved: %s" % error) from error
        return pending


def _is_ip(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _look_up(host: str, port: int) -> List[Info]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _run(host: str, port: int, pending: "Future[List[Info]]") -> None:
    try:
        found = _look_up(host, port)
    except OSError as error:
        pending.set_exception(error)
    except BaseException as error:  # the waiting caller gets any error
        pending.set_exception(OSError("its name can't be resolved: %r" % error))
    else:
        pending.set_result(found)
