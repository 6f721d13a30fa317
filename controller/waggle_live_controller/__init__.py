"""Reading nodes: how their plugins are now, for those who decide by it.

>>> from waggle_live_controller import Node                       # doctest: +SKIP
>>> snapshot = Node("http://host:9090").poll()                    # doctest: +SKIP
>>> snapshot.plugins["detect"].timers["inference"].mean           # doctest: +SKIP
0.031

Standard library only, and nothing of a plugin's side: no pywaggle, no thread, no connection before
the first poll. What isn't known is None, a node that says nothing is a NodeError, and a plugin
that isn't there a KeyError; nothing of this is ever a zero.
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
from .instruments import Counter, Gauge, Instruments, Rate, Timer
from .node import DEFAULT_TIMEOUT, Node
from .plugins import Identity, Plugin, Plugins
from .snapshot import NodeIdentity, Snapshot
from .version import VERSION as __version__

__all__ = [
    "DEFAULT_TIMEOUT",
    "AmbiguousPlugin",
    "ControllerError",
    "Counter",
    "Fleet",
    "FleetSnapshot",
    "Function",
    "Gauge",
    "Identity",
    "Instruments",
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
    "Plugin",
    "Plugins",
    "Polled",
    "Rate",
    "Snapshot",
    "Tau",
    "Timer",
    "UnknownPlugin",
    "UnknownSeries",
    "__version__",
]
