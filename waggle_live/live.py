"""``LiveMetrics``: the instruments of one plugin process, and their way to the collector."""

import os
from typing import Any, Dict, Optional, Type, overload

from .instruments import spans
from .instruments.arguments import (
    NO_NAME,
    series_key,
    take_name,
    takes_labels,
    to_interval,
    to_timeout,
)
from .instruments.controls import Controls
from .instruments.counter import Counter
from .instruments.device_timer import DeviceTimer, Sync
from .instruments.gauge import Gauge
from .instruments.number import Number
from .instruments.rate import Rate, RateSeries
from .instruments.timer import Timer, TimerSeries
from .profile.sampler.sampler import SAMPLER
from .reporter import reporter
from .reporter.address import Addresses
from .reporter.ends import STATUSES
from .reporter.identity import find_identity
from .reporter.reporter import DEFAULT_EXIT_TIMEOUT
from .reporter.sender import DEFAULT_INTERVAL
from .series.registry import Instruments
from .wire.errors import InvalidMetric, InvalidType, describe
from .wire.protocol import (
    COUNTER,
    GAUGE,
    OVERFLOW,
    RATE,
    TIMER,
    UNMATCHED_STOP,
    LabelValue,
    check_labels,
    check_name,
)

_MAX_MEMO = 4096

#: Makes the instrument of a kind. Each use of a timer or rate makes an object; the series is kept.
INSTRUMENTS: Instruments = {
    TIMER: TimerSeries,
    RATE: RateSeries,
    GAUGE: Gauge,
    COUNTER: Counter,
}


class LiveMetrics(Controls):
    """The live metrics of one process of a plugin; a context manager.

    ``plugin``: an existing ``waggle.plugin.Plugin``, or None. ``plugin_name``, ``task``, ``job``:
    names outside of the Waggle Edge Stack (see :mod:`waggle_live.reporter.identity`). ``address``:
    ``unix:///path``, ``tcp://host:port`` or ``off``; by default ``WAGGLE_LIVE_METRICS``, else the
    usual places. A wrong variable is logged once and counts as ``off``. ``interval``: seconds
    between two sends, 0.01 to 60. ``profile``: samples of all stacks per second, 0 (off) to 200; by
    default ``WAGGLE_LIVE_PROFILE``, else 0.

    All LiveMetrics of one process, identity and address share their series and their session. The
    constructor starts nothing. The first value, ``declare``, knob, gauge function, ``with`` block
    or ``open()`` begins the session. The end of the process ends it. Leaving a block sends what is
    left.

    Thread-safe. Nothing here blocks or raises because of the collector. The constructor raises
    InvalidType for an argument of a wrong type, InvalidMetric for a value out of bounds or a
    reserved job, and InvalidAddress.

    A killed process loses at most its last 0.25 s. ``with Pool()`` kills its workers by SIGTERM;
    after ``pool.close()`` and ``pool.join()`` nothing is lost. A copy is a handle of the same
    series. Unpickled in another process, it is a handle of that process's series.
    """

    def __init__(
        self,
        plugin: Any = None,
        *,
        plugin_name: Optional[str] = None,
        task: Optional[str] = None,
        job: Optional[str] = None,
        address: Optional[str] = None,
        interval: Number = DEFAULT_INTERVAL,
        profile: Optional[int] = None,
    ) -> None:
        is_plugin = hasattr(plugin, "publish") or hasattr(plugin, "config")
        if plugin is not None and (isinstance(plugin, type) or not is_plugin):
            raise InvalidType(
                "plugin must be a waggle.plugin.Plugin or None, got %s; a name is given as "
                'LiveMetrics(plugin_name="my-plugin")' % describe(plugin)
            )
        app_id = getattr(getattr(plugin, "config", None), "app_id", None)
        if not isinstance(app_id, str):  # of a mock
            app_id = None
        identity = find_identity(plugin_name, task, job, app_id, os.environ)
        addresses = Addresses(address, os.environ)
        seconds = to_interval(interval)
        found = reporter.find(identity, addresses, seconds, INSTRUMENTS, SAMPLER)
        found.profile.tell(profile, os.environ)
        self._attach(found)

    def _attach(self, found: reporter.Reporter) -> None:
        self._reporter = found
        self._registry = found.registry
        self._knobs = found.knobs
        self._timer_classes: Dict[Any, Type[Timer]] = {}
        found.attach(self)

    def __getstate__(self) -> Dict[str, Any]:
        own = ("_knobs", "_registry", "_timer_classes")
        return {key: value for key, value in self.__dict__.items() if key not in own}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._attach(self._reporter)

    # Instruments. `timer` is the hot path: it looks up the class of the series and calls it.

    # Two, so that ``**labels`` of a dict of str is no ``sync`` of that type to a type checker.
    @overload
    def timer(__self, __name: str = ..., **labels: str) -> Timer: ...

    @overload
    def timer(
        __self, __name: str = ..., sync: Optional[Sync] = ..., **labels: LabelValue
    ) -> Timer: ...

    @takes_labels
    def timer(__self, __name: str = NO_NAME, sync: Any = None, **labels: LabelValue) -> Timer:
        """Return a timer: ``with live.timer("inference"):``, a decorator, ``start()``/``stop()``.

        ``sync``, such as ``torch.cuda.synchronize``, is called before each reading of the clock.
        Labels are keyword arguments. A timer that is kept and used again is the fastest form.

        Raises InvalidMetric for a name or label that breaks a rule, or a name that has another
        kind; InvalidType for a ``sync``, name or label of a wrong type.

        Here and below, a label's value is a str, a number (NumPy's too), a bool or a member of an
        Enum, which counts as its value. Reserved labels: ``name``, ``sync``, ``self``, ``le``,
        ``q``, ``quantile``, ``plugin``, ``plugin_task`` and ``plugin_job``.
        """
        if sync is not None:
            return __self._device_timer(__name, sync, labels)
        key = (__name, *labels.items()) if labels else __name
        try:
            timer = __self._timer_classes[key]()
        except (KeyError, TypeError):
            pass  # a later error must not show these as its cause
        else:
            timer._start = None
            return timer
        return __self._new_timer(key, __name, labels)

    @takes_labels
    def rate(__self, __name: str = NO_NAME, **labels: LabelValue) -> Rate:
        """Return a rate: ``tick()``, ``each(items)``, or a block as with a timer.

        Raises InvalidMetric or InvalidType, as :meth:`timer`.
        """
        if __name is NO_NAME:
            __name = take_name(labels)
        rate: Rate = __self._registry.get(RATE, __name, labels).make()
        return rate

    @takes_labels
    def gauge(__self, __name: str = NO_NAME, **labels: LabelValue) -> Gauge:
        """Return a gauge: ``set``, ``inc``, ``dec``, ``set_function``.

        Raises InvalidMetric or InvalidType, as :meth:`timer`.
        """
        if __name is NO_NAME:
            __name = take_name(labels)
        gauge: Gauge = __self._registry.get(GAUGE, __name, labels)
        return gauge

    @takes_labels
    def counter(__self, __name: str = NO_NAME, **labels: LabelValue) -> Counter:
        """Return a counter: ``inc()``, ``inc(amount)``.

        Raises InvalidMetric or InvalidType, as :meth:`timer`.
        """
        if __name is NO_NAME:
            __name = take_name(labels)
        counter: Counter = __self._registry.get(COUNTER, __name, labels)
        return counter

    @takes_labels
    def declare(__self, **kinds: str) -> None:
        """Make series that stand at 0 from now on: ``declare(latency=TIMER, fps=RATE)``.

        ``start_timer`` then follows the declared kind. Raises InvalidMetric for a kind that isn't
        one of these four, or a name that has another kind or breaks a rule.
        """
        __self._registry.declare(kinds)

    @takes_labels
    def start_timer(__self, __name: str = NO_NAME, **labels: LabelValue) -> None:
        """Start measuring a name in this thread; a rate if it was declared as one. May be nested.

        Each generator, task, greenlet and thread has its own starts. Past 1,000 nested starts a
        thread forgets its outermost ones. Raises InvalidMetric or InvalidType, as :meth:`timer`.
        """
        key = series_key(take_name(labels) if __name is NO_NAME else __name, labels)
        make: Any = __self.rate if __self._registry.kind_of(key[0]) == RATE else __self.timer
        timer = make(key[0], **labels)
        spans.start(__self._reporter.spans(), key, timer, __self._registry.problems)

    @takes_labels
    def stop_timer(__self, __name: str = NO_NAME, **labels: LabelValue) -> None:
        """Record the time since the latest ``start_timer`` of that name and labels in this task.

        If this task has none, the thread's latest counts: a callback may stop what a task started.
        If several tasks have one, that is counted as ``overlap_mismatch`` and logged once. If there
        is none, nothing is recorded; that is counted as ``unmatched_stop`` and logged once. Raises
        InvalidMetric or InvalidType, as :meth:`timer`.
        """
        key = series_key(take_name(labels) if __name is NO_NAME else __name, labels)
        if not spans.stop(__self._reporter.spans(), key, __self._registry.problems):
            check_name(key[0])
            check_labels(labels)
            text = "stop_timer(%r) without a start_timer in this thread"
            __self._registry.problems.count(UNMATCHED_STOP, text % key[0])

    # Life cycle.

    def open(self) -> "LiveMetrics":
        """Begin the session, as the first value does. A second call does nothing. Never blocks."""
        self._reporter.attach(self)
        self._reporter.start()
        return self

    def close(self, status: Optional[str] = None, timeout: Number = DEFAULT_EXIT_TIMEOUT) -> None:
        """Stop recording. The last handle to close sends what is left and ends the session.

        Waits at most ``timeout`` seconds for that, and not at all if no collector was ever reached.
        ``status``: ``ok``, ``error`` or ``stopped``, as counted in ``waggle_plugin_exits_total``;
        None means as the last block was left. Values recorded afterwards begin another session.

        Raises InvalidMetric for another status, InvalidType for a timeout that is no number.
        """
        if status is not None and not (isinstance(status, str) and status in STATUSES):
            raise InvalidMetric(
                "status must be one of %s, got %s" % (", ".join(STATUSES), describe(status))
            )
        self._reporter.detach(self, status, to_timeout(timeout))

    def flush(self, timeout: Number = DEFAULT_EXIT_TIMEOUT) -> bool:
        """Send now, and return True once the collector has applied all that was recorded before.

        Returns False if that takes more than ``timeout`` seconds; nothing is lost then. Raises
        InvalidType for a timeout that is no number.
        """
        return self._reporter.flush(to_timeout(timeout))

    def __enter__(self) -> "LiveMetrics":
        self._reporter.attach(self)
        self._reporter.enter()
        return self

    def __exit__(self, exc_type: Any, exc: Any, traceback: Any) -> None:
        self._reporter.leave(exc)

    # For Plugin and the autoloader.

    def count_message(self, name: str) -> None:
        """Count a message that the plugin published under ``name``."""
        self._registry.count_message(name)

    def count_upload(self) -> None:
        """Count a file that the plugin uploaded."""
        self._registry.count_upload()

    def _new_timer(self, key: Any, name: str, labels: Dict[str, Any]) -> Timer:
        """Return a timer, and keep the class of its series in the memo under ``key``."""
        name = take_name(labels) if name is NO_NAME else name
        series: TimerSeries = self._registry.get(TIMER, name, labels)
        # The overflow series isn't kept, since it would grow the memo. Only labels of type str are:
        # 1, 1.0 and True are equal as keys.
        is_own = series.state.name != OVERFLOW and all(type(v) is str for v in labels.values())
        if is_own and (not labels or len(self._timer_classes) < _MAX_MEMO):
            self._timer_classes[key] = series.timer_class
        return series.make()

    def _device_timer(self, name: str, sync: Sync, labels: Dict[str, Any]) -> Timer:
        if not callable(sync):
            raise InvalidType(
                "sync must be a function without arguments, got %s; labels are keyword arguments"
                % describe(sync)
            )
        name = take_name(labels) if name is NO_NAME else name
        series: TimerSeries = self._registry.get(TIMER, name, labels)
        return DeviceTimer(series.make(), sync)
