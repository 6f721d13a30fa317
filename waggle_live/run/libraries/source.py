"""Sources of data, cameras and microphones: events, waits, and the work on each result."""

from typing import Any, Callable, Optional

from ...frames import leave_out_ours
from . import automatic


class Source:
    """One device, read by one method, such as ``camera.stream`` of the camera ``left``.

    A rate of that name counts what the device gave. The timer ``….wait`` has the time inside of the
    library for each of these. The timer ``….work`` has the time from there until the next request.
    For one thread at a time, as the device is.
    """

    def __init__(self, name: str, label: str, device: str) -> None:
        self._name = name
        self._labels = {label: device}
        self._work: Optional[Any] = None

    def wait(self, get: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what ``get`` returns. A StopIteration ends a stream and counts as no wait."""
        self.end_work()
        wait = automatic.timer(self._name + ".wait", **self._labels)
        wait.__enter__()
        try:
            given = get(*args, **kwargs)
        except StopIteration:
            raise
        except BaseException as error:
            wait.__exit__(type(error), error, None)
            raise
        wait.__exit__(None, None, None)
        automatic.tick(self._name, **self._labels)
        self._work = automatic.timer(self._name + ".work", **self._labels).start()
        return given

    def end_work(self) -> None:
        """Record the work on the last result, if there was one."""
        work, self._work = self._work, None
        if work is not None:
            work.stop()


def measured(name: str, label: str, device_of: Callable[[Any], str]) -> Callable[[Any], Any]:
    """Return a wrapper for a method with one result per call. ``device_of`` gives the label."""
    sources = automatic.Notes()

    def wrap(original: Any) -> Any:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            source = sources.get(self)
            if source is None:
                source = Source(name, label, device_of(self))
                sources.put(self, source)
            try:
                return source.wait(original, self, *args, **kwargs)
            except BaseException:
                leave_out_ours()
                raise

        return method

    return wrap
