"""The bounds that an operator can set, or a test makes small, with their defaults."""

from dataclasses import dataclass

from waggle_live.wire.protocol import DEFAULT_MAX_SERIES

#: Series of one process; a client of ours folds what is over it into ``__overflow__``.
DEFAULT_MAX_SERIES_PER_PROCESS = DEFAULT_MAX_SERIES
#: Processes that are connected.
DEFAULT_MAX_PROCESSES = 2_000
#: Connections accepted per second; more wait in the kernel's queue.
DEFAULT_MAX_CONNECTIONS_PER_SECOND = 1_000
#: Seconds that a process without ``bye``, and a plugin without processes, is kept.
DEFAULT_HOLD_TIME = 300.0


#: Seconds of silence after which a TCP peer is asked whether it is there, seconds between two
#: questions, and how many of them it may leave unanswered: 11 s in all.
DEFAULT_KEEPALIVE = (5, 2, 3)


@dataclass(frozen=True, kw_only=True)
class HttpLimits:
    """The bounds of HTTP; times are in seconds."""

    #: Connections at a time.
    connections: int = 512
    #: For the handshake of TLS.
    handshake_seconds: float = 5.0
    #: From the first byte of a request to its last, or from the connect.
    request_seconds: float = 10.0
    #: Between two requests; longer than scrapers' intervals are.
    idle_seconds: float = 150.0
    #: For an answer, sending it included, where the scraper doesn't say how long it waits.
    answer_seconds: float = 10.0
    #: Listeners of the stream at a time; more are refused with a 503.
    listeners: int = 32
    #: For a listener to take an event.
    take_seconds: float = 10.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The bounds in force."""

    #: Bytes for the whole process; None: the default, or what its cgroup has if that is less.
    memory: int | None = None
    series_per_process: int = DEFAULT_MAX_SERIES_PER_PROCESS
    processes: int = DEFAULT_MAX_PROCESSES
    connections_per_second: int = DEFAULT_MAX_CONNECTIONS_PER_SECOND
    #: Seconds that a plugin's connection may take until its ``hello``.
    hello_seconds: float = 10.0
    keepalive: tuple[int, int, int] = DEFAULT_KEEPALIVE
    http: HttpLimits = HttpLimits()
