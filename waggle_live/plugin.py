"""``Plugin``: pywaggle's ``Plugin`` with live metrics."""

import os
from contextlib import ContextDecorator
from functools import partial
from typing import Any, Callable, Optional

from .frames import leave_out_ours
from .live import LiveMetrics
from .wire.errors import InvalidMetric, InvalidType, describe

try:
    from waggle.plugin.plugin import Plugin as WagglePlugin
except ModuleNotFoundError as error:
    if error.name != "waggle.plugin.plugin":  # pywaggle itself is missing, or what it needs
        raise
    raise ImportError(
        "waggle_live.Plugin needs pywaggle 0.52 or later; this one is older "
        "(waggle_live.LiveMetrics needs none)"
    ) from None


class Plugin(WagglePlugin):  # type: ignore[misc]
    """A drop-in ``waggle.plugin.Plugin`` whose ``live`` holds its live metrics.

    Takes pywaggle's arguments. ``live``: a :class:`LiveMetrics` made by the caller, for instance
    with a task name; by default one is made. The plugin's block opens and leaves both. ``timeit``
    is also a live timer; ``publish`` and ``upload_file`` are counted. A subclass may define its own
    ``live``, and a constructor that doesn't call this one.

    Raises InvalidType if ``live`` is no LiveMetrics, and what pywaggle raises. Thread-safe as
    LiveMetrics is; see there for what can be lost.
    """

    _waggle_live: Optional[LiveMetrics] = None
    #: The pid of the process that opened it.
    _waggle_pid: Optional[int] = None

    def __init__(self, *args: Any, live: Optional[LiveMetrics] = None, **kwargs: Any) -> None:
        if live is not None and not isinstance(live, LiveMetrics):
            raise InvalidType("live must be a LiveMetrics or None, got " + describe(live))
        try:
            super().__init__(*args, **kwargs)
        except BaseException:
            leave_out_ours()
            raise
        self._waggle_live = LiveMetrics(self) if live is None else live
        self._waggle_pid = os.getpid()
        if not hasattr(type(self), "live"):
            self.live: LiveMetrics = self._waggle_live

    def __enter__(self) -> "Plugin":
        try:
            if self._waggle_pid not in (None, os.getpid()):
                self.tasks.clear()  # publisher threads of the parent process
            super().__enter__()
        except BaseException:
            leave_out_ours()
            raise
        self._waggle_pid = os.getpid()
        self._metrics().__enter__()
        return self

    def __exit__(self, exc_type: Any, exc_value: Any, exc_traceback: Any) -> None:
        try:
            try:
                self._metrics().__exit__(exc_type, exc_value, exc_traceback)
            finally:
                if self._waggle_pid not in (None, os.getpid()):
                    # pywaggle would wait for its publisher thread, which a forked child doesn't
                    # have.
                    self.tasks.clear()
                super().__exit__(exc_type, exc_value, exc_traceback)
        except BaseException:
            leave_out_ours()
            raise

    def publish(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Publish as pywaggle does; count the message once it is accepted. Raises as pywaggle."""
        try:
            super().publish(name, *args, **kwargs)
        except BaseException:
            leave_out_ours()
            raise
        self._metrics().count_message(name)

    def upload_file(self, *args: Any, **kwargs: Any) -> None:
        """Upload as pywaggle does; count the file once it is accepted. Raises as pywaggle."""
        try:
            super().upload_file(*args, **kwargs)
        except BaseException:
            leave_out_ours()
            raise
        self._metrics().count_upload()

    def timeit(self, name: str) -> "_Timed":
        """Publish the block's duration as pywaggle does, and measure it as a live timer.

        Raises nothing of ours: a name that is no valid timer's is published only.
        """
        publishing = partial(super().timeit, name)
        try:
            return _Timed(publishing, self._metrics().timer(name))
        except (InvalidMetric, TypeError):
            # pywaggle refuses such a name itself at the end of the block.
            timed: _Timed = publishing()
            return timed

    def _metrics(self) -> LiveMetrics:
        if self._waggle_live is None:
            self._waggle_live = LiveMetrics(self)
        return self._waggle_live


class _Timed(ContextDecorator):
    """The context manager of pywaggle's ``timeit``, with a live timer inside."""

    def __init__(self, publishing: Callable[[], Any], timer: Any) -> None:
        self._publishing = publishing
        self._timer = timer
        self._block = publishing()

    def _recreate_cm(self) -> "_Timed":  # for each call of a function that it decorates
        return _Timed(self._publishing, self._timer)

    def __enter__(self) -> None:
        try:
            self._block.__enter__()
        except BaseException:
            leave_out_ours()
            raise
        self._timer.__enter__()

    def __exit__(self, *exc_info: Any) -> Any:
        try:
            self._timer.__exit__(*exc_info)
            return self._block.__exit__(*exc_info)
        except BaseException:
            leave_out_ours()
            raise
