"""Every bound of the collector that an operator can set, with its default."""

from dataclasses import dataclass

from waggle_live.wire.protocol import DEFAULT_MAX_SERIES

#: Series of one process; a client of ours folds what is over it into ``__overflow__``.
DEFAULT_MAX_SERIES_PER_PROCESS = DEFAULT_MAX_SERIES
#: Cells of all processes together, and merged series together: 2 to 8 kB of memory each.
DEFAULT_MAX_SERIES_TOTAL = 30_000
#: Processes that are connected or within their holding time.
DEFAULT_MAX_PROCESSES = 2_000
#: Plugins (identities) that are shown.
DEFAULT_MAX_PLUGINS = 1_000
#: Connections accepted per second; more wait in the kernel's queue.
DEFAULT_MAX_CONNECTIONS_PER_SECOND = 1_000
#: Seconds that a process without ``bye``, and a plugin without processes, is kept.
DEFAULT_HOLD_TIME = 300.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The bounds in force."""

    series_per_process: int = DEFAULT_MAX_SERIES_PER_PROCESS
    series: int = DEFAULT_MAX_SERIES_TOTAL
    processes: int = DEFAULT_MAX_PROCESSES
    plugins: int = DEFAULT_MAX_PLUGINS
    connections_per_second: int = DEFAULT_MAX_CONNECTIONS_PER_SECOND
