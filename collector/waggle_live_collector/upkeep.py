"""What the collector does each second: it looks at what is over its time, and keeps its socket."""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .clock import Clock, until_next
from .faults import Faults, Said
from .sockets.unix import SocketError, SocketTaken, UnixSocket

log = logging.getLogger(__name__)

#: Seconds between two looks at what is over its time, and at whether to write the state.
TICK_SECONDS = 1.0


@dataclass(eq=False, kw_only=True)
class Upkeep:
    """Does the ``work``, by where its errors are counted; a part that raises costs that part alone.

    ``replace`` has plugins accepted on another socket than before.
    """

    work: Mapping[str, Callable[[], None]]
    unix: UnixSocket
    replace: Callable[[socket.socket], None]
    faults: Faults
    clock: Clock

    def __post_init__(self) -> None:
        self._said = Said(self.clock)

    async def until(self, stop: asyncio.Event) -> None:
        """Go on until ``stop`` is set; raises SocketTaken if another collector has the socket."""
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), until_next(TICK_SECONDS, time.monotonic()))
            for where, each in self.work.items():
                with self.faults.kept(where, "the work of each second failed"):
                    each()
            try:
                self._keep_socket()
            except SocketTaken:
                raise
            except Exception as error:
                self.faults.note("sockets", "the socket file can't be looked after", error)

    def _keep_socket(self) -> None:
        """Make the socket file anew if somebody removed it or its directory; nobody is cut off."""
        if not self.unix.is_lost():
            return
        try:
            plugins = self.unix.bind()
        except SocketTaken:  # two must not write one state file
            raise
        except SocketError as error:
            if self._said.is_due(str(error)):
                log.error("the socket file is gone, and no new plugin can report: %s", error)
            return
        self.replace(plugins)
        self._said = Said(self.clock)  # that it is gone again would be news
        log.warning("the socket file was gone; made anew: %s", self.unix.path)
