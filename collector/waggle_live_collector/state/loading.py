"""Reads the state file at the start.

A thread does that: the disk may be slow, or another collector may hold the file.
"""

import asyncio
import logging
from asyncio import FIRST_COMPLETED
from concurrent.futures import Future
from threading import Thread
from typing import Any

from ..own_metrics import OwnMetrics
from . import reading
from .owned_file import OwnedFile, StateFileError
from .snapshot import State

log = logging.getLogger(__name__)

#: Seconds of reading after which a line says that it is slow.
SLOW_SECONDS = 2.0
#: The most rows left out that are logged one by one.
MAX_ROWS_LOGGED = 20


def read(file: OwnedFile, own: OwnMetrics) -> State | None:
    """Own the file and return its state; None if the file is new. May wait for the disk.

    Raises StateFileError if the file can't be owned or read, or is no state file. It then stays as
    it is.
    """
    data = file.read()
    if not data:
        return None
    try:
        state, left_out = reading.read(data)
    except (ValueError, MemoryError) as error:
        file.release()
        why = str(error) or "there is not enough memory to read it"
        raise StateFileError(f"state file {file.path}: {why}") from error
    file.remove_leftovers()
    for each in left_out[:MAX_ROWS_LOGGED]:
        log.error("state file %s: left out %s", file.path, each)
    if left_out:
        log.error("state file %s: %d rows, series or values left out", file.path, len(left_out))
        own.state_left_out.inc(len(left_out))
    return state


async def read_unless(stop: asyncio.Event, file: OwnedFile, own: OwnMetrics) -> State | None:
    """Read in a thread and return the state; None if ``stop`` is set first, or the file is new.

    Raises StateFileError.
    """
    found: Future[State | None] = Future()

    def run() -> None:
        try:
            found.set_result(read(file, own))
        except BaseException as error:
            found.set_exception(error)

    # A daemon, so that the process can end before the read does.
    Thread(target=run, name="state", daemon=True).start()
    reads, ends = asyncio.wrap_future(found), asyncio.ensure_future(stop.wait())
    both: set[asyncio.Future[Any]] = {reads, ends}
    done, _ = await asyncio.wait(both, timeout=SLOW_SECONDS, return_when=FIRST_COMPLETED)
    if not done:
        text = f"state file {file.path} has not been read for {SLOW_SECONDS:g} s"
        log.warning("%s: the disk is slow, or another collector still holds the file", text)
        await asyncio.wait(both, return_when=FIRST_COMPLETED)
    ends.cancel()
    return reads.result() if reads.done() else None
