"""``run --pace``: takes a live camera's frames no faster than a knob allows."""

import os
from typing import Any, Optional

from ...instruments.pace import DEFAULT_HIGH, DEFAULT_LOW, Limit, declare_limit
from ..hooks import PACE_VARIABLE
from . import automatic


class Pace:
    """The limit of one stream. The knob called ``name`` is shared by all streams of the process.

    A file isn't paced: no frame is missed there, so a limit would only slow it down.
    """

    def __init__(self, name: str, camera: Any) -> None:
        device = getattr(getattr(camera, "capture", None), "device", None)
        is_file = isinstance(device, str) and os.path.isfile(device)
        self._is_on = os.environ.get(PACE_VARIABLE) == "on" and not is_file
        self._declaration = declare_limit(name, DEFAULT_LOW, DEFAULT_HIGH) if self._is_on else None
        self._limit: Optional[Limit] = None

    def wait(self) -> None:
        """Sleep until the next frame may be taken; not at all without a limit."""
        reporter = automatic.latest() if self._is_on else None
        if reporter is None:
            return
        knob = reporter.knobs.automatic(self._declaration)
        if knob is None:  # the author has one of that name, or too many
            return
        if self._limit is None or self._limit.knob is not knob:
            self._limit = Limit(knob)
        if self._limit.is_set:
            self._limit.wait()
