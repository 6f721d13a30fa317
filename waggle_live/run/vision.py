"""pywaggle's ``Camera``: rates of the frames of ``stream()`` and of ``snapshot()``."""

from functools import wraps
from typing import Any, Iterator

from .events import counted, tick


def patch(module: Any) -> None:
    """Count the frames and snapshots of all cameras."""
    camera = module.Camera
    original = camera.stream

    @wraps(original)
    def stream(*args: Any, **kwargs: Any) -> Iterator[Any]:
        for sample in original(*args, **kwargs):
            tick("camera.stream")
            yield sample

    camera.stream = stream
    camera.snapshot = counted(camera.snapshot, "camera.snapshot")
