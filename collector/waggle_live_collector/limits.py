"""The bounds that an operator can set, or a test makes small, with their defaults."""

import contextlib
import logging
import resource
from dataclasses import dataclass, field

from waggle_live.wire.protocol import DEFAULT_MAX_SERIES

log = logging.getLogger(__name__)

#: Series of one process; a client of ours folds what is over this default into ``__overflow__``,
#: whatever the operator sets.
DEFAULT_MAX_SERIES_PER_PROCESS = DEFAULT_MAX_SERIES
#: Connections that a process may make at once, and per second.
DEFAULT_PROCESS_PACE = 64, 20.0
#: Those of all processes of a pod: thousands may return to a restarted collector at once.
DEFAULT_POD_PACE = 4096, 500.0
#: Descriptors kept for the collector itself: listening sockets, the state, files that are read.
DEFAULT_OWN_DESCRIPTORS = 18
#: Part of the others that is for HTTP.
DEFAULT_HTTP_DESCRIPTORS = 1 / 3
#: However few there are, for HTTP: a scraper, a probe, and one that takes the place of the oldest.
DEFAULT_LEAST_HTTP = 3
#: Descriptors of a plugin's process: its connection, and the kernel's handle on the process.
PROCESS_DESCRIPTORS = 2
#: Seconds that a process without ``bye``, and a plugin without processes, is kept.
DEFAULT_HOLD_TIME = 300.0

#: Seconds of silence after which a TCP peer is asked whether it is there, seconds between two
#: questions, and how many of them it may leave unanswered: 11 s in all.
DEFAULT_KEEPALIVE = (5, 2, 3)


def raise_descriptor_limit() -> None:
    """Take as many descriptors as we may: each plugin process holds two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    log.debug("descriptors: %d, at most %d", soft, hard)


def http_connections() -> int:
    """Return for how many HTTP connections there are descriptors, as ``ulimit -n`` says."""
    return max(int(_descriptors() * DEFAULT_HTTP_DESCRIPTORS), DEFAULT_LEAST_HTTP)


def plugin_connections() -> int:
    """Return for how many connections of plugins there are descriptors."""
    return (_descriptors() - http_connections()) // PROCESS_DESCRIPTORS


def _descriptors() -> int:
    """Return how many descriptors others may have; the hard limit is taken at the start."""
    return max(resource.getrlimit(resource.RLIMIT_NOFILE)[1] - DEFAULT_OWN_DESCRIPTORS, 7)


@dataclass(frozen=True, kw_only=True)
class HttpLimits:
    """The bounds of HTTP; times are in seconds."""

    #: For the handshake of TLS.
    handshake_seconds: float = 5.0
    #: From the first byte of a request to its last, or from the connect.
    request_seconds: float = 10.0
    #: Between two requests; longer than scrapers' intervals are.
    idle_seconds: float = 150.0
    #: For an answer, or an event, sending it included, unless the scraper says how long it waits.
    answer_seconds: float = 10.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The bounds in force."""

    #: Bytes for the whole process; None: the default, or what its cgroup has if that is less.
    memory: int | None = None
    series_per_process: int = DEFAULT_MAX_SERIES_PER_PROCESS
    #: Processes that are connected.
    processes: int = field(default_factory=plugin_connections)
    process_pace: tuple[float, float] = DEFAULT_PROCESS_PACE
    pod_pace: tuple[float, float] = DEFAULT_POD_PACE
    #: Seconds that a plugin's connection may take until its ``hello``.
    hello_seconds: float = 10.0
    keepalive: tuple[int, int, int] = DEFAULT_KEEPALIVE
    http: HttpLimits = HttpLimits()
