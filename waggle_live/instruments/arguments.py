"""What the calls of ``LiveMetrics`` are given: names, labels, seconds."""

import inspect
from typing import Any, Callable, Dict, Tuple, TypeVar

from ..wire.errors import InvalidMetric, InvalidType, describe
from ..wire.protocol import Labels, check_labels, check_name
from .number import to_float

#: Seconds between two sends, at least and at most.
MIN_INTERVAL, MAX_INTERVAL = 0.01, 60.0
#: Longest that a call waits, in seconds.
MAX_TIMEOUT = 3600.0
#: A metric's name where the call gives none, or gives it as ``name=``, which is among the labels.
NO_NAME: Any = None

Method = TypeVar("Method", bound=Callable[..., Any])


def takes_labels(method: Method) -> Method:
    """Have help() and notebooks show the parameters ``__self`` and ``__name`` without underscores.

    Labels are keyword arguments. The underscores let a label ``self`` or ``name`` reach the method,
    which tells that it is reserved; Python 3.6 has no positional-only parameters.
    """
    signature = inspect.signature(method)
    shown = [
        parameter.replace(name=parameter.name.rpartition("__")[2])
        for parameter in signature.parameters.values()
    ]
    method.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
    return method


def take_name(labels: Dict[str, Any]) -> Any:
    """Return the metric's name that was given as ``name=``, which leaves the labels."""
    return labels.pop("name", NO_NAME)


def series_key(name: Any, labels: Dict[str, Any]) -> Tuple[str, Labels]:
    """Return name and labels as a series has them.

    Raises InvalidMetric or InvalidType for bad ones; those that are plain str are not checked.
    """
    if type(name) is not str:
        return check_name(name), check_labels(labels)
    for value in labels.values():
        if type(value) is not str:
            return name, check_labels(labels)
    return name, tuple(sorted(labels.items())) if labels else ()


def to_seconds(value: Any, what: str) -> float:
    """Return ``value`` as seconds; raise InvalidType for a bool and what float() doesn't take."""
    if type(value) is bool:
        raise InvalidType("%s must be a number of seconds, got %s" % (what, describe(value)))
    return to_float(value, "%s in seconds", what)


def to_interval(value: Any) -> float:
    """Return the seconds between two sends; raise InvalidType, or InvalidMetric out of bounds."""
    seconds = to_seconds(value, "interval")
    if not MIN_INTERVAL <= seconds <= MAX_INTERVAL:
        raise InvalidMetric(
            "interval must be %g to %g seconds, got %r" % (MIN_INTERVAL, MAX_INTERVAL, seconds)
        )
    return seconds


def to_timeout(value: Any) -> float:
    """Return the seconds to wait, 0 to 3,600; NaN and what is negative stand for 0."""
    return min(max(0.0, to_seconds(value, "timeout")), MAX_TIMEOUT)
