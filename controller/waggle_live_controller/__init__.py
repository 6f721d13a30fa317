"""Reads the live metrics of nodes, for programs that decide by them.

>>> from waggle_live_controller import Node                       # doctest: +SKIP
>>> snapshot = Node("http://host:9090").poll()                    # doctest: +SKIP
>>> snapshot.plugins["detect"].timers["inference"].mean           # doctest: +SKIP
0.031

It needs the standard library only, and starts no thread and no connection before the first poll.
A value that isn't known is None and never 0. A node that gives no answer raises a NodeError, a
plugin that isn't there a KeyError; all errors are a ControllerError.
"""

from .errors import (
    AmbiguousPlugin,
    ControllerError,
    InvalidAddress,
    InvalidCredentials,
    NodeAnswerInvalid,
    NodeError,
    NodeLate,
    NodeNotReady,
    NodeRefused,
    NodeUnreachable,
    UnknownPlugin,
    UnknownSeries,
)
from .fleet import Fleet, FleetSnapshot, Polled
from .functions import Function, Tau
from .node import DEFAULT_TIMEOUT, Node
from .plugins import PluginIdentity, PluginReading, Plugins
from .readings import CounterReading, GaugeReading, RateReading, Readings, TimerReading
from .snapshot import NodeIdentity, Snapshot
from .version import VERSION as __version__

__all__ = [
    "DEFAULT_TIMEOUT",
    "AmbiguousPlugin",
    "ControllerError",
    "CounterReading",
    "Fleet",
    "FleetSnapshot",
    "Function",
    "GaugeReading",
    "InvalidAddress",
    "InvalidCredentials",
    "Node",
    "NodeAnswerInvalid",
    "NodeError",
    "NodeIdentity",
    "NodeLate",
    "NodeNotReady",
    "NodeRefused",
    "NodeUnreachable",
    "PluginIdentity",
    "PluginReading",
    "Plugins",
    "Polled",
    "RateReading",
    "Readings",
    "Snapshot",
    "Tau",
    "TimerReading",
    "UnknownPlugin",
    "UnknownSeries",
    "__version__",
]
