"""Reads the live metrics of nodes and sets the knobs of their plugins, for controllers.

>>> from waggle_live_controller import Node                       # doctest: +SKIP
>>> snapshot = Node("host:9090").poll()                           # doctest: +SKIP
>>> snapshot.plugins["detect"].timers["inference"].mean           # doctest: +SKIP
0.031

It needs the standard library only, and starts no thread and no connection before the first poll. An
unknown value is None, never 0. A node without an answer raises a NodeError, a missing plugin a
KeyError. Errors of this package are ControllerErrors. A value out of bounds raises ValueError, an
unknown argument TypeError.
"""

from .differences import Difference, PluginDifference
from .errors import (
    AmbiguousPlugin,
    ControllerError,
    ControlRefused,
    InvalidAddress,
    InvalidCredentials,
    LeaseConflict,
    LeaseError,
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
from .knobs import KnobReading, Knobs
from .leases import DEFAULT_TTL, Entry, Held, Leases
from .node import DEFAULT_TIMEOUT, Node
from .plugins import PluginIdentity, PluginReading, Plugins, Process
from .policies.deadline import DeadlinePolicy, Decision
from .policies.ladder import Ladder
from .policies.priority import Claim, PriorityAllocator, Usage
from .readings import (
    CounterReading,
    GaugeReading,
    RateDifference,
    RateReading,
    Readings,
    TimerDifference,
    TimerReading,
)
from .snapshot import NodeIdentity, Snapshot
from .version import VERSION as __version__

__all__ = [
    "DEFAULT_TIMEOUT",
    "DEFAULT_TTL",
    "AmbiguousPlugin",
    "Claim",
    "ControlRefused",
    "ControllerError",
    "CounterReading",
    "DeadlinePolicy",
    "Decision",
    "Difference",
    "Entry",
    "Fleet",
    "FleetSnapshot",
    "Function",
    "GaugeReading",
    "Held",
    "InvalidAddress",
    "InvalidCredentials",
    "KnobReading",
    "Knobs",
    "Ladder",
    "LeaseConflict",
    "LeaseError",
    "Leases",
    "Node",
    "NodeAnswerInvalid",
    "NodeError",
    "NodeIdentity",
    "NodeLate",
    "NodeNotReady",
    "NodeRefused",
    "NodeUnreachable",
    "PluginDifference",
    "PluginIdentity",
    "PluginReading",
    "Plugins",
    "Polled",
    "PriorityAllocator",
    "Process",
    "RateDifference",
    "RateReading",
    "Readings",
    "Snapshot",
    "Tau",
    "TimerDifference",
    "TimerReading",
    "UnknownPlugin",
    "UnknownSeries",
    "Usage",
    "__version__",
]
