"""Reads the JSON of a collector's ``/api/v1/plugins`` (docs/reference/http.md).

A reading has the names of the JSON's fields, so each field is read by its type. Unknown fields are
ignored, and a missing one is null. A field of a wrong type is an error, since a guess would be a
wrong number.
"""

import json
import math
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple, get_type_hints

from .functions import Function, Tau
from .plugins import PluginIdentity, PluginReading, Plugins, Process
from .readings import CounterReading, GaugeReading, RateReading, Readings, TimerReading
from .snapshot import NodeIdentity

#: Whole numbers are below it: a collector accepts no larger sum.
_MAX_WHOLE = 2**63
#: Converts a value of the JSON. Raises ValueError.
Reader = Callable[[Any], Any]


class Answer(NamedTuple):
    """The content of the JSON."""

    node: NodeIdentity
    plugins: Plugins
    gone: Mapping[PluginIdentity, Mapping[str, int]]
    #: Unix time by the collector's clock.
    now: Optional[float]
    window: Optional[int]


def read(body: bytes) -> Answer:
    """Return the content of an answer. Raises ValueError if it isn't a collector's."""
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_number)
    except RecursionError:
        raise ValueError("JSON of too many levels") from None
    answer: Answer = _answer(value)
    return answer


def _no_number(text: str) -> float:
    raise ValueError("%s is not JSON" % text)


class _WrongType(ValueError):
    """A value has not the type of its field."""


def _typed(*types: type) -> Reader:
    """Return a reader of values of these types."""

    def check(value: Any) -> Any:
        if type(value) not in types:
            raise _WrongType
        return value

    return check


def _whole(value: Any) -> int:
    if type(value) is not int or abs(value) >= _MAX_WHOLE:
        raise _WrongType
    return value


def _number(value: Any) -> float:
    """Return a float, so that no arithmetic with it raises OverflowError."""
    if type(value) not in (int, float):  # isinstance would take a bool for an int
        raise _WrongType
    try:
        number = float(value)
    except OverflowError:  # JSON has integers that no float can hold
        raise _WrongType from None
    if not math.isfinite(number):  # 1e999, for instance
        raise _WrongType
    return number


def _optional_number(value: Any) -> Optional[float]:
    return None if value is None else _number(value)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise _WrongType
    # JSON allows lone surrogates, which can't be written.
    return value.encode("utf-8", "replace").decode("utf-8")


def _optional_text(value: Any) -> Optional[str]:
    return None if value is None else _text(value)


def _record(kind: Any) -> Reader:
    """Return a reader of objects that have the fields of a NamedTuple."""
    readers = {name: _READERS[hint] for name, hint in get_type_hints(kind).items()}

    def check(value: Any) -> Any:
        fields, values = _object(value), {}
        for name, reader in readers.items():
            try:
                values[name] = reader(fields.get(name))
            except _WrongType:
                text = "%s has a %s of the wrong type" % (kind.__name__, name)
                raise ValueError(text) from None
        return kind(**values)

    return check


def _readings(name: str, kind: Any) -> Reader:
    record = _record(kind)
    return lambda value: Readings(name, map(record, _list(value)))


_bool, _list, _object = _typed(bool), _typed(list), _typed(dict)


def _identity(value: Any) -> PluginIdentity:
    names = ("plugin", "plugin_task", "plugin_job")
    return PluginIdentity(*(_optional_text(_object(value).get(name)) or "" for name in names))


def _plugin(value: Any) -> PluginReading:
    verified = _object(value).get("verified") is True
    plugin: PluginReading = _reading(dict(value, identity=value, verified=verified))
    if plugin.heard:
        return plugin
    # Older collectors give rates for every plugin.
    rates = [
        rate._replace(per_second=None, block_per_second=None) for rate in plugin.rates.values()
    ]
    return plugin._replace(rates=Readings("rate", rates))


def _counts(value: Any) -> Mapping[str, int]:
    return {_text(key): _whole(each) for key, each in _object(value or {}).items()}


def _functions(value: Any) -> Tuple[Function, ...]:
    functions = map(_function, _list(value or []))
    # Older collectors have functions of TAU only.
    return tuple(each._replace(profiler=each.profiler or "tau") for each in functions)


def _processes(value: Any) -> List[Process]:
    whole = dict.fromkeys(("pid_verified", "host_verified", "container_verified"), False)
    return [_process({**whole, **_object(each)}) for each in _list(value or [])]


#: The reader of a field of each type. Older collectors have no functions and no tau.
_READERS: Dict[Any, Reader] = {
    bool: _bool,
    int: _whole,
    float: _number,
    str: lambda value: _optional_text(value) or "",
    Optional[str]: _optional_text,
    Optional[float]: _optional_number,
    Optional[bool]: lambda value: None if value is None else _bool(value),
    Optional[int]: lambda value: None if value is None else _whole(value),
    Mapping[str, str]: lambda value: {
        _text(key): _text(each) for key, each in _object(value).items()
    },
    Mapping[str, int]: _counts,
    Mapping[str, Optional[float]]: lambda value: {
        _text(key): _optional_number(each) for key, each in _object(value or {}).items()
    },
    PluginIdentity: _identity,
}
_READERS[Readings[TimerReading]] = _readings("timer", TimerReading)
_READERS[Readings[RateReading]] = _readings("rate", RateReading)
_READERS[Readings[GaugeReading]] = _readings("gauge", GaugeReading)
_READERS[Readings[CounterReading]] = _readings("counter", CounterReading)
_process, _function, _tau, _node = (
    _record(Process),
    _record(Function),
    _record(Tau),
    _record(NodeIdentity),
)
_READERS[Tuple[Function, ...]] = _functions
_READERS[List[Process]] = _processes
_READERS[Optional[Tau]] = lambda value: None if value is None else _tau(value)
_READERS[NodeIdentity] = lambda value: _node(value or {})
_reading = _record(PluginReading)
_READERS[Plugins] = lambda value: Plugins(map(_plugin, _list(value)))
_READERS[Mapping[PluginIdentity, Mapping[str, int]]] = lambda value: {
    _identity(gone): _counts(gone.get("exits")) for gone in _list(value or [])
}
_answer = _record(Answer)
