"""What stands in the state file: the table and its processes as a state, and back.

:mod:`.reading` checks what is read. Belongs to the event loop.

**So that a release can be rolled back**, the release before must read this file. It ignores parts
and fields that it doesn't know, and leaves out kinds of series that it doesn't know. So a release
may add a part, a field with a default at the end of a row, and a kind of series. A known field
keeps its place, its meaning and the values that it may have. What can't be added so needs a new
format, and two releases: the first reads it and still writes the one before, the second writes it.
"""

import time
from functools import cache

from msgspec import Struct, field, json

from ..clock import Clock, Seconds
from ..control import state_rows
from ..control.control import Control
from ..control.leases import Holder
from ..control.setting import Setting
from ..messages import Whole
from ..table.buckets import encode_counts
from ..table.exits import GoneRow
from ..table.plugin import Plugin
from ..table.process import Process
from ..table.processes import Processes
from ..table.table import DEFAULT_WITHHOLD_SECONDS, Table
from ..table.tombstones import ClosedRow

#: Of the format that is written. That of the release before is read, see :mod:`.older`.
FORMAT = 2


class State(Struct, kw_only=True):
    """All of the file.

    ``monotonic`` and ``boot``: when, by which clock; ``ahead``: see :class:`Clock`. ``awaited``:
    ids of processes that were connected before the last start, and are not back yet.
    """

    format: int = FORMAT
    boot: str
    monotonic: Seconds
    closed: list[ClosedRow] = field(name="ended")
    gone: list[GoneRow] = []
    ahead: Seconds = 0.0
    awaited: list[str] = []
    plugins: list[Plugin]
    processes: list[Process] = field(name="sessions")
    #: Seconds since the boot, those in which the system slept included.
    boottime: Seconds = 0.0
    #: The first and the last revision of settings.
    revisions: tuple[Whole, Whole] | None = None
    holders: list[Holder] = []
    settings: list[Setting] = []


_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_encode = json.Encoder(enc_hook=encode_counts).encode


def take(table: Table, processes: Processes, control: Control, clock: Clock) -> bytes:
    """Return the text of the state as it is now."""
    state = State(
        boot=_boot_id(),
        monotonic=clock.monotonic(),
        closed=list(processes.tombstones.closed.rows.values()),
        gone=list(table.gone.rows.values()),
        ahead=clock.ahead,
        awaited=sorted(processes.awaited),
        plugins=list(table.plugins.values()),
        processes=[process for process in processes.all() if not process.plugin.gone],
        boottime=_boottime(),
        revisions=(control.first, control.revision),
        holders=state_rows.holders(control),
        settings=list(control.settings.values()),
    )
    return _encode(state)


def restore(
    state: State, table: Table, processes: Processes, control: Control, clock: Clock
) -> None:
    """Fill an empty table, its processes and the control, and let the clock go on."""
    now, ahead = clock.monotonic(), state.ahead
    # After a reboot the system's clock began anew: treat the time between as none.
    is_same_boot = state.boot == _boot_id() and state.monotonic <= now + ahead
    if not is_same_boot:
        ahead = state.monotonic - now
    clock.go_on(ahead)
    now = clock.monotonic()
    # A time that has not come yet would keep what it belongs to for as long.
    for plugin in state.plugins:
        table.restore(plugin)
        plugin.left_at = now if plugin.left_at is None else min(plugin.left_at, now)
        plugin.last_seen = min(plugin.last_seen, now)
        plugin.shown_at = min(plugin.shown_at, now + DEFAULT_WITHHOLD_SECONDS)
    for process in state.processes:
        process.left_at = min(process.left_at, now)
        processes.restore(process)
    processes.awaited.update(processes.by_id.keys() & state.awaited)
    for closed in state.closed:
        closed.at = min(closed.at, now)
        processes.tombstones.closed.add(closed.id, closed)
    for gone in state.gone:
        gone.at = min(gone.at, now)
        table.gone.add(gone.identity, gone)
    # The clock stands still while the system sleeps; leases don't.
    asleep = max(_boottime() - state.boottime - (now - state.monotonic), 0.0)
    state_rows.restore(control, state, now, asleep if is_same_boot else None)


def _boottime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@cache
def _boot_id() -> str:
    try:
        with open(_BOOT_ID) as file:
            return file.read().strip()
    except OSError:
        return ""
