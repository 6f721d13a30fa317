"""``Plugin``: pywaggle's own, with live metrics."""

import os
from contextlib import contextmanager
from typing import Any, Iterator, Optional

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

    Takes pywaggle's arguments; ``live`` may be a :class:`LiveMetrics` made by the caller, for
    instance with a task name. Its block is the plugin's. ``timeit`` also is a live
    timer; ``publish`` and ``upload_file`` are counted.
    """

    def __init__(self, *args: Any, live: Optional[LiveMetrics] = None, **kwargs: Any) -> None:
        if live is not None and not isinstance(live, LiveMetrics):
            raise InvalidType("live must be a LiveMetrics or None, got " + describe(live))
        super().__init__(*args, **kwargs)
        self.live: LiveMetrics = LiveMetrics(self) if live is None else live
        self._pid = os.getpid()

    def __enter__(self) -> "Plugin":
        if os.getpid() != self._pid:
            self.tasks.clear()  # the publisher threads of the process that forked this one
        super().__enter__()
        self._pid = os.getpid()
        self.live.__enter__()
        return self

    def __exit__(self, exc_type: Any, exc_value: Any, exc_traceback: Any) -> None:
        try:
            self.live.__exit__(exc_type, exc_value, exc_traceback)
        finally:
            if os.getpid() != self._pid:
                # A forked child has no publisher thread, whose end pywaggle would wait for.
                self.tasks.clear()
            super().__exit__(exc_type, exc_value, exc_traceback)

    def publish(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Publish as pywaggle does, and count it once it is accepted."""
        super().publish(name, *args, **kwargs)
        self.live.count_message(name)

    def upload_file(self, *args: Any, **kwargs: Any) -> None:
        """Upload as pywaggle does, and count it once it is accepted."""
        super().upload_file(*args, **kwargs)
        self.live.count_upload()

    @contextmanager
    def timeit(self, name: str) -> Iterator[None]:
        """Publish the block's duration as pywaggle does, and measure it as a live timer."""
        try:
            timer = self.live.timer(name)
        except (InvalidMetric, TypeError):
            # pywaggle refuses such a name itself, at the end of the block, and stays so.
            with super().timeit(name):
                yield
            return
        with super().timeit(name), timer:
            yield
