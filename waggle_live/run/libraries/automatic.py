"""Replaces methods in place, and gives the series that they record into.

The series belong to the plugin of this process; without one nothing is recorded. Nothing here
raises into the plugin.
"""

import sys
from contextlib import suppress
from functools import wraps
from typing import Any, Callable, Dict, Iterable, Set
from weakref import WeakKeyDictionary, ref

from ...logs import LogOnce
from ...wire.errors import LiveMetricsError
from ...wire.protocol import MAX_LABEL_VALUE_LENGTH, RATE, TIMER

#: The most values of one label (cameras, models) with their own series. Further ones are added up
#: in the series of :data:`OTHER`, and logged once.
DEFAULT_MAX_VALUES = 20
OTHER = "other"

log_once = LogOnce()
_values: Dict[str, Set[str]] = {}
#: The series by kind, name and labels, each with its registry: a look-up there would cost more than
#: the measurement. Weak, so that a dropped plugin doesn't live on.
_series: Dict[Any, Any] = {}


def replace(
    module: Any, class_name: str, methods: Iterable[str], wrap: Callable[[Any], Any]
) -> None:
    """Replace those of the ``methods`` that the class has by ``wrap(method)``.

    The class stays the same object, so pickling, copying and ``isinstance`` still work. If this
    version of the library has none of them, one line is logged.
    """
    what = "%s.%s" % (module.__name__, class_name)
    try:
        owner = getattr(module, class_name, None)
        found = [name for name in methods if callable(getattr(owner, name, None))]
        for name in found:
            original = getattr(owner, name)
            setattr(owner, name, wraps(original)(wrap(original)))
    except Exception as error:
        log_once(what, "%s is not measured: %r", what, error)
    else:
        if not found:
            log_once(what, "%s is not measured: unknown in this version", what)


def latest() -> Any:
    """Return the reporter of this process's plugin, None if there is none."""
    # Not imported here: a process that never imports pywaggle is no plugin, and has no reporter.
    find = getattr(sys.modules.get("waggle_live.reporter.reporter"), "latest", None)
    return find and find()


def timer(name: str, **labels: str) -> Any:
    """Return a timer of this process's plugin, or one that measures nothing."""
    return _make(TIMER, name, labels)


def tick(name: str, **labels: str) -> None:
    """Count one event of a rate of this process's plugin."""
    with suppress(LiveMetricsError):  # the author uses the same rate as a block
        _make(RATE, name, labels).tick()


def value_of(label: str, text: str) -> str:
    """Return ``text`` as a value of ``label``: valid, short, and one of a limited number."""
    known = _values.setdefault(label, set())
    if text not in known:
        # Cut by bytes, so that several fit the limit of a series' labels.
        last = text.encode("utf-8", "replace")[-MAX_LABEL_VALUE_LENGTH:]
        text = last.decode("utf-8", "ignore")
    if text not in known:
        if len(known) >= DEFAULT_MAX_VALUES:
            log_once(label, "more than %d values of %s=: new ones are %r", len(known), label, OTHER)
            return OTHER
        known.add(text)
    return text


class Notes:
    """Notes on objects of the plugin, for as long as these live.

    Objects that can't be hashed or weakly referenced get none.
    """

    def __init__(self) -> None:
        self._notes: "WeakKeyDictionary[Any, Any]" = WeakKeyDictionary()

    def put(self, of: Any, note: Any) -> None:
        """Keep ``note`` for an object."""
        with suppress(TypeError):
            self._notes[of] = note

    def get(self, of: Any) -> Any:
        """Return the note of an object, None for none."""
        try:
            return self._notes.get(of)
        except TypeError:
            return None


class _Nothing:
    """Replaces any instrument if there is no plugin."""

    def tick(self) -> None:
        pass

    def start(self) -> "_Nothing":
        return self

    def stop(self) -> None:
        pass

    def __enter__(self) -> "_Nothing":
        return self

    def __exit__(self, *exc_info: Any) -> None:
        pass


_NOTHING = _Nothing()


def _make(kind: str, name: str, labels: Dict[str, str]) -> Any:
    reporter = latest()
    if reporter is None:
        return _NOTHING
    if reporter.registry.kind_of(name) is not None:  # the author uses that name
        return _NOTHING
    key = (kind, name, *labels.items())
    registry, series = _series.get(key, (_none, _none))
    if registry() is reporter.registry:
        return series().make()
    found = reporter.registry.automatic(kind, name, labels)
    if found is None:
        return _NOTHING
    _series[key] = (ref(reporter.registry), ref(found))
    return found.make()


def _none() -> None:
    """Replaces a weak reference to something that is gone."""
