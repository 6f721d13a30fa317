"""``LiveMetrics``: the instruments of one plugin process, and their way to the collector."""

import os
from typing import Any, Dict, Optional, Type

from .instruments.counter import Counter
from .instruments.device_timer import DeviceTimer, Sync
from .instruments.gauge import Gauge
from .instruments.rate import Rate, RateSeries
from .instruments.timer import Timer, TimerSeries
from .reporter import reporter
from .reporter.address import Addresses
from .reporter.ends import STATUSES
from .reporter.identity import find_identity
from .reporter.reporter import DEFAULT_EXIT_TIMEOUT
from .reporter.sender import DEFAULT_INTERVAL
from .series.registry import Instruments
from .wire.errors import InvalidMetric, InvalidType
from .wire.protocol import COUNTER, GAUGE, RATE, TIMER, UNMATCHED_STOP, check_labels, check_name

#: Seconds between two sends, at least and at most.
MIN_INTERVAL, MAX_INTERVAL = 0.01, 60.0
#: Longest that ``flush`` waits.
MAX_TIMEOUT = 3600.0
#: Nested ``start_timer`` calls per thread; one more forgets the outermost.
MAX_NESTING = 1000
_MAX_MEMO = 4096

#: What makes the instrument of a kind. A timer or rate is an object a use, so its series is kept.
INSTRUMENTS: Instruments = {
    TIMER: TimerSeries,
    RATE: RateSeries,
    GAUGE: Gauge,
    COUNTER: Counter,
}


class LiveMetrics:
    """The live metrics of one process of a plugin; a context manager.

    ``plugin``: a ``waggle.plugin.Plugin`` that exists already, or None. ``plugin_name``,
    ``task``, ``job``: what it is called outside of the Waggle Edge Stack (see
    :mod:`waggle_live.reporter.identity`).
    ``address``: ``unix:///path``, ``tcp://host:port`` or ``off``; else ``WAGGLE_LIVE_METRICS``
    (a wrong one is logged once and stands for ``off``) or the usual places.

    All LiveMetrics of one process, identity and address are handles of the same series and the
    same session. The constructor starts nothing; the first value, ``declare``, a gauge's function,
    a ``with`` block or ``open()`` begins the session, and the end of the process ends it.
    Leaving the block sends what is left. Thread-safe. Nothing here blocks or raises because of the
    collector; wrong names, labels, values and addresses raise at the call.
    Lost at most: what was recorded in the last 0.25 s of a process that is killed. ``with Pool()``
    kills its workers by SIGTERM; after ``pool.close()`` and ``pool.join()`` nothing is lost.
    """

    def __init__(
        self,
        plugin: Any = None,
        *,
        plugin_name: Optional[str] = None,
        task: Optional[str] = None,
        job: Optional[str] = None,
        address: Optional[str] = None,
        interval: float = DEFAULT_INTERVAL,
    ) -> None:
        app_id = getattr(getattr(plugin, "config", None), "app_id", None)
        identity = find_identity(plugin_name, task, job, app_id, os.environ)
        addresses = Addresses(address, os.environ)
        if isinstance(interval, bool) or not isinstance(interval, (int, float)):
            raise InvalidType("interval must be seconds as a number, got %.60r" % (interval,))
        if not MIN_INTERVAL <= interval <= MAX_INTERVAL:
            raise InvalidMetric(
                "interval must be %g to %g seconds, got %r" % (MIN_INTERVAL, MAX_INTERVAL, interval)
            )
        self._reporter = reporter.find(identity, addresses, interval, INSTRUMENTS)
        self._reporter.attach(self)
        self._registry = self._reporter.registry
        self._timer_classes: Dict[Any, Type[Timer]] = {}

    # Instruments. `timer` is the hot path: it looks up the class of the series and calls it.

    def timer(self, name: str, sync: Optional[Sync] = None, **labels: Any) -> Timer:
        """Return a timer: ``with live.timer("inference"):``, a decorator, ``start()``/``stop()``.

        ``sync`` (as ``torch.cuda.synchronize``) is called before each reading of the clock.
        Labels are keyword arguments. Raises InvalidMetric or InvalidType for a bad name or label.
        The fastest form is a timer that is kept and used again: ``with kept:``.
        """
        if sync is not None:
            return self._device_timer(name, sync, labels)
        key = (name, *labels.items()) if labels else name
        try:
            timer = self._timer_classes[key]()
        except (KeyError, TypeError):
            return self._new_timer(key, name, labels)
        timer._start = None
        return timer

    def rate(self, name: str, **labels: Any) -> Rate:
        """Return a rate: ``tick()``, ``each(items)``, or a block as with a timer.

        Raises InvalidMetric or InvalidType for a bad name or label.
        """
        rate: Rate = self._registry.get(RATE, name, labels).make()
        return rate

    def gauge(self, name: str, **labels: Any) -> Gauge:
        """Return a gauge: ``set``, ``inc``, ``dec``, ``set_function``. Raises as ``timer``."""
        gauge: Gauge = self._registry.get(GAUGE, name, labels)
        return gauge

    def counter(self, name: str, **labels: Any) -> Counter:
        """Return a counter: ``inc()``, ``inc(amount)``. Raises as ``timer``."""
        counter: Counter = self._registry.get(COUNTER, name, labels)
        return counter

    def declare(self, **kinds: str) -> None:
        """Make series that stand at 0 from now on: ``declare(latency=TIMER, fps=RATE)``.

        ``start_timer`` then follows the declared kind. Raises InvalidMetric for another kind.
        """
        self._registry.declare(kinds)

    def start_timer(self, name: str, **labels: Any) -> None:
        """Start measuring ``name`` in this thread; may be nested. A rate if declared as one."""
        is_rate = self._registry.kind_of(name) == RATE if isinstance(name, str) else False
        timer = self.rate(name, **labels) if is_rate else self.timer(name, **labels)
        spans = self._reporter.spans()
        if len(spans) >= MAX_NESTING:
            del spans[0]
            self._registry.problems.count(
                UNMATCHED_STOP, "start_timer(%r) was nested more than %d deep" % (name, MAX_NESTING)
            )
        spans.append(((name, labels), timer.start()))

    def stop_timer(self, name: str, **labels: Any) -> None:
        """Record the time since this thread's latest ``start_timer(name)``.

        Without one nothing is recorded; it is counted, and logged once.
        """
        spans = self._reporter.spans()
        for index in range(len(spans) - 1, -1, -1):
            if spans[index][0] == (name, labels):
                spans.pop(index)[1].stop()
                return
        check_name(name)
        check_labels(labels)
        self._registry.problems.count(
            UNMATCHED_STOP, "stop_timer(%r) without a start_timer in this thread" % name
        )

    # Life cycle.

    def open(self) -> "LiveMetrics":
        """Begin the session, in a daemon thread, as the first value does; again: does nothing."""
        self._reporter.attach(self)
        self._reporter.start()
        return self

    def close(self, status: Optional[str] = None, timeout: float = DEFAULT_EXIT_TIMEOUT) -> None:
        """Record no more. The last handle that closes sends what is left and ends the session.

        Waits at most ``timeout`` seconds for it. ``status`` is counted in
        ``waggle_plugin_exits_total``: ok, error or stopped, by default as the last block was left;
        raises InvalidMetric for another. What is used after it begins another session.
        """
        if status is not None and status not in STATUSES:
            raise InvalidMetric(
                "status must be one of %s, got %.60r" % (", ".join(STATUSES), status)
            )
        self._reporter.detach(self, status, timeout)

    def flush(self, timeout: float = DEFAULT_EXIT_TIMEOUT) -> bool:
        """Send now. True once the collector has applied all that was recorded before the call,
        False if it hasn't within ``timeout`` seconds."""
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
            raise InvalidType("timeout must be seconds as a number, got %.60r" % (timeout,))
        return self._reporter.flush(min(max(0.0, timeout), MAX_TIMEOUT))

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
        series: TimerSeries = self._registry.get(TIMER, name, labels)
        # Not the overflow series, which would grow the memo; and only labels of type str, since
        # 1, 1.0 and True are equal as keys.
        is_own = series.state.name == name and all(type(value) is str for value in labels.values())
        if is_own and (not labels or len(self._timer_classes) < _MAX_MEMO):
            self._timer_classes[key] = series.timer_class
        return series.make()

    def _device_timer(self, name: str, sync: Sync, labels: Dict[str, Any]) -> Timer:
        if not callable(sync):
            raise InvalidType("sync must be a function without arguments, got %.60r" % (sync,))
        return DeviceTimer(self.timer(name, **labels), sync)
