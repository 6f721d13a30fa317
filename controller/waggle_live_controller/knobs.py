"""What can be set of plugins, how it is set, and who set it: ``/api/v1/knobs``."""

import json
from typing import Any, Mapping, NamedTuple, Optional, Tuple, Union

from .hints import names_its_fields
from .plugins import PluginIdentity

#: Of exactly the knob's type.
Value = Union[bool, int, float, str]


@names_its_fields
class KnobReading(NamedTuple):
    """One knob of one plugin: what its author declared, and how it is set now."""

    identity: PluginIdentity
    name: str
    #: ``bool``, ``int``, ``float`` or ``str``.
    type: str
    default: Value
    #: The values it can have, the cheapest first; or else its bounds.
    choices: Optional[Tuple[Value, ...]]
    low: Optional[float]
    high: Optional[float]
    #: Which values give better results, ``higher`` or ``lower``; None if the author didn't say.
    better: Optional[str]
    #: What each choice costs, relative to the others.
    cost: Optional[Tuple[float, ...]]
    #: Seconds until a new value shows.
    settle: float
    value: Value
    #: Where the value comes from: ``default``, ``set`` or ``pinned``.
    source: str
    #: Whose lease it is, and how many seconds of it are left.
    holder: Optional[str]
    seconds_left: Optional[float]
    #: Unix time of its last change.
    since: Optional[float]
    #: How many processes have ``applied`` the value, ``refused`` it, or said neither (``pending``).
    processes: Mapping[str, int]
    #: Values after which the plugin ended twice.
    quarantined: Tuple[Value, ...]
    #: Why it was refused, if it was.
    error: str
    #: The values that its processes have, where they differ; else the one that all have.
    values: Tuple[Value, ...] = ()


@names_its_fields
class Knobs(NamedTuple):
    """All knobs of a node. Immutable."""

    #: Does the collector take orders?
    control: bool
    knobs: Tuple[KnobReading, ...]
    #: Unix time of the answer, by the collector's clock.
    now: float = 0.0

    def of(self, identity: PluginIdentity) -> Mapping[str, KnobReading]:
        """Return the knobs of a plugin by their names; empty if it has none."""
        return {knob.name: knob for knob in self.knobs if knob.identity == identity}


def read_knobs(body: bytes) -> Knobs:
    """Return the content of an answer; raises ValueError if it isn't one of a collector."""
    try:
        whole = json.loads(body.decode("utf-8"))
        knobs = tuple(map(_knob, whole["knobs"]))
        return Knobs(whole["control"] == "on", knobs, float(whole.get("now") or 0.0))
    except (AttributeError, KeyError, TypeError, RecursionError) as error:
        raise ValueError("%s: %s" % (type(error).__name__, error)) from None


def _knob(entry: Mapping[str, Any]) -> KnobReading:
    identity = PluginIdentity(entry["plugin"], entry["plugin_task"], entry["plugin_job"])
    choices, cost = entry.get("choices"), entry.get("cost")
    return KnobReading(
        identity=identity,
        name=entry["name"],
        type=entry["type"],
        default=entry["default"],
        choices=None if choices is None else tuple(choices),
        low=entry.get("low"),
        high=entry.get("high"),
        better=entry.get("better"),
        cost=None if cost is None else tuple(map(float, cost)),
        settle=float(entry.get("settle") or 0.0),
        value=entry["value"],
        source=entry["source"],
        holder=entry.get("holder"),
        seconds_left=entry.get("seconds_left"),
        since=entry.get("since"),
        processes=dict(entry.get("processes") or {}),
        quarantined=tuple(entry.get("quarantined") or ()),
        error=entry.get("error") or "",
        values=tuple(entry.get("values") or (entry["value"],)),
    )
