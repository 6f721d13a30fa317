"""The content of the state file: makes it of the table, and fills a table from it.

:mod:`.reading` checks what is read. Belongs to the event loop.

**A release can be rolled back**: the release before can read this file. It ignores unknown parts
and fields, and leaves out unknown kinds of series. So a release may add a part, a field with a
default at the end of a row, or a kind of series. A known field keeps its place, its meaning and its
range. Any other change needs a new format, and two releases. The first one reads both formats and
writes the old one. The second one writes the new one.
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

#: The format that is written. :mod:`.older` converts that of the release before.
FORMAT = 2


class State(Struct, kw_only=True):
    """The whole file.

    ``monotonic``: when it was written, by the collector's clock. ``boot``: the kernel's boot id
    then. ``ahead``: see :class:`Clock`. ``awaited``: ids of the processes that were connected
    before the last start and have not returned.
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
    #: Seconds since the boot, including those in which the system slept.
    boottime: Seconds = 0.0
    #: The first and the last revision of settings.
    revisions: tuple[Whole, Whole] | None = None
    holders: list[Holder] = []
    settings: list[Setting] = []


_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_encode = json.Encoder(enc_hook=encode_counts).encode


def take(table: Table, processes: Processes, control: Control, clock: Clock) -> bytes:
    """Return the content of the file for the state as it is now."""
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
    """Fill an empty table, its processes and the control, and set the clock."""
    now, ahead = clock.monotonic(), state.ahead
    # A reboot restarts the system's clock: no time counts as passed since the file was written.
    is_same_boot = state.boot == _boot_id() and state.monotonic <= now + ahead
    if not is_same_boot:
        ahead = state.monotonic - now
    clock.go_on(ahead)
    now = clock.monotonic()
    # A time in the future would keep a row too long.
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
    # The monotonic clock stops while the system sleeps. Leases go on.
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
