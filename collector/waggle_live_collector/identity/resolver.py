"""Addresses of a host by its name, where looking them up may hang.

A name server that doesn't answer keeps a thread for many seconds. Here that is one thread of
its own at most, which nobody waits for at the end of the process.
"""

import asyncio
import contextlib
import socket
import threading


class Resolver:
    """Looks up one host. Belongs to the event loop."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._pending: asyncio.Future[list[str]] | None = None

    async def addresses(self) -> list[str]:
        """Return the IP addresses; raises OSError, UnicodeError, and RuntimeError where the system
        has no more threads.

        If it is cancelled, the next call goes on waiting.
        """
        if self._pending is None or self._pending.done():
            loop = asyncio.get_running_loop()
            pending: asyncio.Future[list[str]] = loop.create_future()
            threading.Thread(
                target=self._look_up, args=(loop, pending), name="resolver", daemon=True
            ).start()
            self._pending = pending  # only now: without a thread nobody would ever answer it
        return await asyncio.shield(self._pending)

    def _look_up(self, loop: asyncio.AbstractEventLoop, result: asyncio.Future[list[str]]) -> None:
        found: list[str] | Exception
        try:
            answers = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            found = [str(address[0]) for *_, address in answers]
        except Exception as error:  # whoever waits is told, whatever it is
            found = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody wants to know
            loop.call_soon_threadsafe(_answer, result, found)


def _answer(result: asyncio.Future[list[str]], found: list[str] | Exception) -> None:
    if not isinstance(found, Exception):
        result.set_result(found)
        return
    result.set_exception(found)
    result.exception()  # whoever waited may have given up: that is no fault to be logged
