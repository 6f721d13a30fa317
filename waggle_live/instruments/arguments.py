"""Checks the arguments of ``LiveMetrics``'s calls: names, labels, seconds."""

import inspect
from typing import Any, Callable, Dict, Tuple, TypeVar

from ..wire.errors import InvalidMetric, InvalidType, describe
from ..wire.protocol import Labels, check_labels, check_name
from .number import to_float

#: Bounds of the seconds between two sends.
MIN_INTERVAL, MAX_INTERVAL = 0.01, 60.0
#: The longest time that a call waits, in seconds.
MAX_TIMEOUT = 3600.0
#: The default of a metric's name: it is missing, or among the labels as ``name=``.
NO_NAME: Any = None

Method = TypeVar("Method", bound=Callable[..., Any])


def takes_labels(method: Method) -> Method:
    """Let help() and notebooks show ``__self`` and ``__name`` without underscores."""
    signature = inspect.signature(method)
    shown = [
        parameter.replace(name=parameter.name.rpartition("__")[2])
        for parameter in signature.parameters.values()
    ]
    method.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
    return method


def take_name(labels: Dict[str, Any]) -> Any:
    """Take the metric's name, given as ``name=``, out of the labels and return it."""
    return labels.pop("name", NO_NAME)


def series_key(name: Any, labels: Dict[str, Any]) -> Tuple[str, Labels]:
    """Return name and labels in the form that series are found by.

    Raises InvalidMetric or InvalidType for bad ones. Labels that are plain str are not checked.
    """
    if type(name) is not str:
        return check_name(name), check_labels(labels)
    for value in labels.values():
        if type(value) is not str:
            return name, check_labels(labels)
    return name, tuple(sorted(labels.items())) if labels else ()


def to_seconds(value: Any, what: str) -> float:
    """Return ``value`` as seconds. Raises InvalidType for a bool and what float() refuses."""
    if type(value) is bool:
        raise InvalidType("%s must be a number of seconds, got %s" % (what, describe(value)))
    return to_float(value, "%s in seconds", what)


def to_interval(value: Any) -> float:
    """Return the seconds between two sends. Raises InvalidType, or InvalidMetric out of bounds."""
    seconds = to_seconds(value, "interval")
    if not MIN_INTERVAL <= seconds <= MAX_INTERVAL:
        raise InvalidMetric(
            "interval must be %g to %g seconds, got %r" % (MIN_INTERVAL, MAX_INTERVAL, seconds)
        )
    return seconds


def to_timeout(value: Any) -> float:
    """Return the seconds to wait, 0 to 3,600. NaN and negative numbers become 0."""
    return min(max(0.0, to_seconds(value, "timeout")), MAX_TIMEOUT)
