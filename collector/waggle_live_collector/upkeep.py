"""The collector's work each second: ends what is over its time, and keeps its socket."""

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

#: Seconds between two checks for what is over its time, and whether to write the state.
TICK_SECONDS = 1.0


@dataclass(eq=False, kw_only=True)
class Upkeep:
    """Does the ``work``, by the places of its errors. A part that raises stops no other part.

    ``replace`` accepts plugins on a new socket.
    """

    work: Mapping[str, Callable[[], None]]
    unix: UnixSocket
    replace: Callable[[socket.socket], None]
    faults: Faults
    clock: Clock

    def __post_init__(self) -> None:
        self._said = Said(self.clock)

    async def until(self, stop: asyncio.Event) -> None:
        """Go on until ``stop`` is set. Raises SocketTaken if another collector has the socket."""
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), until_next(TICK_SECONDS, time.monotonic()))
            for where, each in self.work.items():
                with self.faults.kept(where, f"the {where} work of this second failed"):
                    each()
            try:
                self._keep_socket()
            except SocketTaken:
                raise
            except Exception as error:
                self.faults.note("sockets", f"can't check socket file {self.unix.path}", error)

    def _keep_socket(self) -> None:
        """Make the socket file again if it or its directory was removed. No connection is cut."""
        if not self.unix.is_lost():
            return
        try:
            plugins = self.unix.bind()
        except SocketTaken:  # two collectors must not write one state file
            raise
        except SocketError as error:
            if self._said.is_due(str(error)):
                log.error("the socket file is gone, so no new plugin can report: %s", error)
            return
        self.replace(plugins)
        self._said = Said(self.clock)  # log it if it is gone again
        log.warning("the socket file was gone, and is made again: %s", self.unix.path)
