"""What is measured without an edit: methods replaced in place, and the series they record into.

The series are those of the plugin that this process has; without one nothing is recorded.
Nothing here raises into the plugin.
"""

import sys
from contextlib import suppress
from functools import wraps
from typing import Any, Callable, Dict, Iterable, Set
from weakref import WeakKeyDictionary, ref

from ...logs import LogOnce
from ...wire.errors import LiveMetricsError
from ...wire.protocol import MAX_LABEL_VALUE_LENGTH, RATE, TIMER

#: Values of one label (cameras, models) that have series of their own. What comes after them is
#: added up in the series of :data:`OTHER`, and logged once.
DEFAULT_MAX_VALUES = 20
OTHER = "other"

log_once = LogOnce()
_values: Dict[str, Set[str]] = {}
#: The series by kind, name and labels, each with its registry: to look one up there takes longer
#: than to measure a call. Weak, so that a plugin that was dropped is none.
_series: Dict[Any, Any] = {}


def replace(
    module: Any, class_name: str, methods: Iterable[str], wrap: Callable[[Any], Any]
) -> None:
    """Put ``wrap(method)`` in the place of those ``methods`` that the class has.

    The class stays the same object, so pickling, copying and ``isinstance`` work as ever. Where
    this version of the library has none of them, one line of log says so.
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
    """Return the reporter of the plugin of this process, None for none."""
    # Not imported: a process that never imports pywaggle is no plugin, and has no reporter.
    find = getattr(sys.modules.get("waggle_live.reporter.reporter"), "latest", None)
    return find and find()


def timer(name: str, **labels: str) -> Any:
    """Return a timer of the plugin of this process, or one that measures nothing."""
    return _make(TIMER, name, labels)


def tick(name: str, **labels: str) -> None:
    """Count one event of a rate of the plugin of this process."""
    with suppress(LiveMetricsError):  # an author's rate of that very series, used as a block
        _make(RATE, name, labels).tick()


def value_of(label: str, text: str) -> str:
    """Return ``text`` as a value of ``label``: valid, short, and one of a bounded number."""
    known = _values.setdefault(label, set())
    if text not in known:
        # In bytes: so several of them are within what the labels of a series may take.
        last = text.encode("utf-8", "replace")[-MAX_LABEL_VALUE_LENGTH:]
        text = last.decode("utf-8", "ignore")
    if text not in known:
        if len(known) >= DEFAULT_MAX_VALUES:
            log_once(label, "more than %d values of %s=: new ones are %r", len(known), label, OTHER)
            return OTHER
        known.add(text)
    return text


class Notes:
    """What is noted of objects of the plugin, for as long as they live.

    Of one that can't be hashed or weakly referenced nothing is kept.
    """

    def __init__(self) -> None:
        self._notes: "WeakKeyDictionary[Any, Any]" = WeakKeyDictionary()

    def put(self, of: Any, note: Any) -> None:
        """Note ``note`` of an object."""
        with suppress(TypeError):
            self._notes[of] = note

    def get(self, of: Any) -> Any:
        """Return what was noted of an object, None for nothing."""
        try:
            return self._notes.get(of)
        except TypeError:
            return None


class _Nothing:
    """Stands for any instrument where there is no plugin."""

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
    """Stand for a weak reference to what is gone."""
