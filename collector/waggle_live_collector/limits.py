"""The limits that an operator can set, or a test makes small, with their defaults."""

import contextlib
import logging
import resource
from dataclasses import dataclass, field

from waggle_live.wire.protocol import DEFAULT_MAX_SERIES

log = logging.getLogger(__name__)

#: The most series of one process. Our client folds those over this default into ``__overflow__``,
#: whatever the operator sets.
DEFAULT_MAX_SERIES_PER_PROCESS = DEFAULT_MAX_SERIES
#: The most connections that a process may make at once, and per second.
DEFAULT_PROCESS_PACE = 64, 20.0
#: The same for all processes of a pod: thousands may return to a restarted collector at once.
DEFAULT_POD_PACE = 4096, 500.0
#: Descriptors kept for the collector itself: listening sockets, the state, files to read.
DEFAULT_OWN_DESCRIPTORS = 18
#: The part of the other descriptors that is for HTTP.
DEFAULT_HTTP_DESCRIPTORS = 1 / 3
#: The least for HTTP: a scraper, a probe, and one that replaces the oldest.
DEFAULT_LEAST_HTTP = 3
#: Descriptors of a plugin's process: its connection, and the kernel's handle on the process.
PROCESS_DESCRIPTORS = 2
#: Seconds that a process without ``bye``, and a plugin without processes, is kept.
DEFAULT_HOLD_TIME = 300.0

#: TCP keepalive: seconds of silence before the first probe, seconds between two, and how many may
#: stay unanswered. 11 s in all.
DEFAULT_KEEPALIVE = (5, 2, 3)


def raise_descriptor_limit() -> None:
    """Raise the limit of descriptors to what is allowed: each plugin process needs two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    log.debug("descriptors: %d, at most %d", soft, hard)


def http_connections() -> int:
    """Return the most HTTP connections, by the descriptors that ``ulimit -n`` allows."""
    return max(int(_descriptors() * DEFAULT_HTTP_DESCRIPTORS), DEFAULT_LEAST_HTTP)


def plugin_connections() -> int:
    """Return the most connections of plugins, by the descriptors."""
    return (_descriptors() - http_connections()) // PROCESS_DESCRIPTORS


def _descriptors() -> int:
    """Return the descriptors left for others. The hard limit is taken at the start."""
    return max(resource.getrlimit(resource.RLIMIT_NOFILE)[1] - DEFAULT_OWN_DESCRIPTORS, 7)


@dataclass(frozen=True, kw_only=True)
class HttpLimits:
    """The limits of HTTP. Times are in seconds."""

    #: For the handshake of TLS.
    handshake_seconds: float = 5.0
    #: From the first byte of a request to its last, or from the connect.
    request_seconds: float = 10.0
    #: Between two requests; longer than scrapers' intervals are.
    idle_seconds: float = 150.0
    #: For an answer or event, sending included, unless the scraper says how long it waits.
    answer_seconds: float = 10.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits in force."""

    #: Bytes for the whole process. None means the default, or its cgroup's limit if that is less.
    memory: int | None = None
    series_per_process: int = DEFAULT_MAX_SERIES_PER_PROCESS
    #: The most connected processes.
    processes: int = field(default_factory=plugin_connections)
    process_pace: tuple[float, float] = DEFAULT_PROCESS_PACE
    pod_pace: tuple[float, float] = DEFAULT_POD_PACE
    #: The most seconds until a plugin's connection sends its ``hello``.
    hello_seconds: float = 10.0
    keepalive: tuple[int, int, int] = DEFAULT_KEEPALIVE
    http: HttpLimits = HttpLimits()
