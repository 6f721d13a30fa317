"""The knobs of a node's plugins, how they are set, and by whom: ``/api/v1/knobs``."""

import json
import math
from typing import Any, Mapping, NamedTuple, Optional, Tuple, Union

from .hints import names_its_fields
from .plugins import PluginIdentity

#: A value of exactly the knob's type.
Value = Union[bool, int, float, str]


@names_its_fields
class KnobReading(NamedTuple):
    """One knob of one plugin: what its author declared, and how it is set now. Immutable."""

    identity: PluginIdentity
    name: str
    #: ``bool``, ``int``, ``float`` or ``str``.
    type: str
    default: Value
    #: The values that it can have, the cheapest first; else None, and ``low`` and ``high``.
    choices: Optional[Tuple[Value, ...]]
    low: Optional[float]
    high: Optional[float]
    #: Which values give better results: ``higher`` or ``lower``; None if the author didn't say.
    better: Optional[str]
    #: What each choice costs, relative to the others.
    cost: Optional[Tuple[float, ...]]
    #: Seconds until a new value shows.
    settle: float
    value: Value
    #: Where the value comes from: ``default``, ``set`` or ``pinned``.
    source: str
    #: The holder of its lease, and the seconds left of that.
    holder: Optional[str]
    seconds_left: Optional[float]
    #: Unix time of its last change.
    since: Optional[float]
    #: The numbers of processes by their answer: ``applied``, ``refused``, or none yet
    #: (``pending``).
    processes: Mapping[str, int]
    #: Values after which the plugin ended twice.
    quarantined: Tuple[Value, ...]
    #: Why the value was refused; empty if it wasn't.
    error: str
    #: The different values that its processes have; one if all have the same.
    values: Tuple[Value, ...] = ()


@names_its_fields
class Knobs(NamedTuple):
    """All knobs of a node. Immutable."""

    #: Whether the collector takes orders.
    control: bool
    knobs: Tuple[KnobReading, ...]
    #: Unix time of the answer, by the collector's clock.
    now: float = 0.0

    def of(self, identity: PluginIdentity) -> Mapping[str, KnobReading]:
        """Return the knobs of a plugin by their names; empty if it has none."""
        return {knob.name: knob for knob in self.knobs if knob.identity == identity}


def read_knobs(body: bytes) -> Knobs:
    """Return the content of an answer. Raises ValueError if it isn't a collector's."""
    try:
        whole = json.loads(body.decode("utf-8"), parse_constant=_no_number)
        knobs = tuple(map(_knob, whole["knobs"]))
        return Knobs(whole["control"] == "on", knobs, float(_number(whole.get("now")) or 0))
    except (AttributeError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError("%s: %s" % (type(error).__name__, error)) from None


def _no_number(text: str) -> float:
    raise ValueError("%s is not JSON" % text)


def _number(value: Any) -> Optional[float]:
    """Return a finite number of its type, or None. Raises TypeError and OverflowError."""
    if value is None:
        return None
    if type(value) not in (int, float):
        raise TypeError("%.40r is no number" % (value,))
    if not math.isfinite(value):
        raise OverflowError("a number is too large")
    number: float = value
    return number


def _value(value: Any) -> Value:
    if type(value) not in (bool, int, float, str):
        raise TypeError("%.40r is no value of a knob" % (value,))
    if type(value) in (int, float):
        _number(value)
    checked: Value = value
    return checked


def _values(told: Any) -> Tuple[Value, ...]:
    return tuple(map(_value, told or ()))


def _knob(entry: Mapping[str, Any]) -> KnobReading:
    identity = PluginIdentity(
        *(str(entry[each]) for each in ("plugin", "plugin_task", "plugin_job"))
    )
    choices, cost = entry.get("choices"), entry.get("cost")
    value = _value(entry["value"])
    return KnobReading(
        identity=identity,
        name=str(entry["name"]),
        type=str(entry["type"]),
        default=_value(entry["default"]),
        choices=None if choices is None else _values(choices),
        low=_number(entry.get("low")),
        high=_number(entry.get("high")),
        better=entry.get("better"),
        cost=None if cost is None else tuple(float(_number(each) or 0) for each in cost),
        settle=float(_number(entry.get("settle")) or 0),
        value=value,
        source=str(entry["source"]),
        holder=entry.get("holder"),
        seconds_left=_number(entry.get("seconds_left")),
        since=_number(entry.get("since")),
        processes=dict(entry.get("processes") or {}),
        quarantined=_values(entry.get("quarantined")),
        error=str(entry.get("error") or ""),
        values=_values(entry.get("values")) or (value,),
    )
