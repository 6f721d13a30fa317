"""pywaggle's ``Camera``: streams, snapshots and recordings, told apart by the camera's device."""

from typing import Any

from ...frames import leave_out_ours
from . import automatic
from .device import label_of
from .pace import Pace
from .source import Source, measured

#: The label of the device that each camera was opened with: pywaggle keeps only its URL.
_devices = automatic.Notes()


def patch(module: Any) -> None:
    """Measure all cameras. ``record`` came with pywaggle 0.56."""
    automatic.replace(module, "Camera", ["__init__"], _remembered)
    automatic.replace(module, "Camera", ["stream"], _streamed)
    for name in ("snapshot", "record"):
        if hasattr(getattr(module, "Camera", None), name):
            wrap = measured("camera." + name, "camera", _device)
            automatic.replace(module, "Camera", [name], wrap)


def _remembered(original: Any) -> Any:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            original(self, *args, **kwargs)
        except BaseException:
            leave_out_ours()
            raise
        device = args[0] if args else kwargs.get("device", 0)
        _devices.put(self, automatic.value_of("camera", label_of(device)))

    return __init__


def _device(camera: Any) -> str:
    known = _devices.get(camera)
    if known is not None:
        return str(known)
    # Unpickled, or of a subclass with its own constructor.
    device = getattr(getattr(camera, "capture", None), "device", "unknown")
    return automatic.value_of("camera", label_of(device))


def _streamed(original: Any) -> Any:
    def stream(self: Any, *args: Any, **kwargs: Any) -> Any:
        frames = original(self, *args, **kwargs)
        source = Source("camera.stream", "camera", _device(self))
        try:
            return (yield from _Frames(frames, source, Pace("camera.stream", self)))
        except BaseException:
            leave_out_ours()
            raise

    return stream


class _Frames:
    """Measures the generator that it is made of.

    ``yield from`` holds no frame. A loop that yields its variable would keep one of 6 MB while it
    waits for the next.
    """

    def __init__(self, frames: Any, source: Source, pace: Pace) -> None:
        self._frames = frames
        self._source = source
        self._pace = pace

    def __iter__(self) -> "_Frames":
        return self

    def __next__(self) -> Any:
        self._source.end_work()
        self._pace.wait()
        return self._source.wait(next, self._frames)

    def send(self, value: Any) -> Any:
        self._source.end_work()
        self._pace.wait()
        return self._source.wait(self._frames.send, value)

    def throw(self, *error: Any) -> Any:
        self._source.end_work()
        return self._frames.throw(*error)

    def close(self) -> None:
        self._source.end_work()
        self._frames.close()
