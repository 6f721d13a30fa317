"""The addresses of a host, if their look-up may hang.

A name server that doesn't answer keeps a thread for many seconds. Here that is at most one thread,
and the process's end doesn't wait for it.
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
        """Return the IP addresses. Raises OSError or UnicodeError.

        If this is cancelled, the next call goes on waiting for the same look-up.
        """
        if self._pending is None or self._pending.done():
            loop = asyncio.get_running_loop()
            self._pending = loop.create_future()
            arguments = (loop, self._pending)
            threading.Thread(
                target=self._look_up, args=arguments, name="resolver", daemon=True
            ).start()
        return await asyncio.shield(self._pending)

    def _look_up(self, loop: asyncio.AbstractEventLoop, result: asyncio.Future[list[str]]) -> None:
        found: list[str] | Exception
        try:
            answers = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            found = [str(address[0]) for *_, address in answers]
        except Exception as error:  # the waiting caller gets any error
            found = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(_answer, result, found)


def _answer(result: asyncio.Future[list[str]], found: list[str] | Exception) -> None:
    if not isinstance(found, Exception):
        result.set_result(found)
        return
    result.set_exception(found)
    result.exception()  # a caller that gave up is no fault to be logged
