"""Time for the collector: one monotonic clock to compute with, a wall clock only to show.

Ages, holding times and windows use only monotonic readings, so a stepped wall clock changes none of
them. A moment becomes Unix time only when it is shown. After a restart the clock goes on from the
state file, so all times in it stay valid.
"""

import time
from collections.abc import Callable
from typing import Annotated

from msgspec import Meta

#: The largest reading of this clock in a file. More would not fit where times are packed.
Seconds = Annotated[float, Meta(ge=-1e9, le=1e9)]

#: The largest value that a file may set this clock to: later readings must fit into a file too.
MAX_SECONDS = 9e8
#: The wall clock counts as stepped if it strays by this many seconds.
#: Below that the old offset is kept: a shown timestamp must not jitter between two scrapes.
STEP_SECONDS = 0.5
#: Seconds that periodic work comes after the multiples of its interval, at which plugins send.
LAG_SECONDS = 0.1


def until_next(interval: float, now: float) -> float:
    """Return the seconds until the work of each ``interval`` seconds is due next.

    ``now`` is the system's monotonic clock. All such work is done at the same moments, just after
    the plugins of the node have sent. So it shares wake-ups and the state file, and shows the
    newest values.
    """
    return interval - (now - LAG_SECONDS) % interval


class Clock:
    """Monotonic seconds, and the Unix time of any monotonic reading.

    Not thread-safe; belongs to the event loop. Tests inject both sources.
    """

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._monotonic = monotonic
        self._now = now
        #: Seconds by which this clock is ahead of the system's, which restarts with each boot.
        self.ahead = 0.0
        #: Seconds by which Unix time is ahead of this clock.
        self.offset = now() - monotonic()

    def monotonic(self) -> float:
        """Return monotonic seconds."""
        return self._monotonic() + self.ahead

    def go_on(self, ahead: float) -> None:
        """Set the clock by a state file. Call it before anything else reads the clock."""
        self.ahead = min(ahead, MAX_SECONDS - self._monotonic())
        self.offset = self._now() - self.monotonic()

    def refresh(self) -> None:
        """Follow the wall clock if it was stepped. Call it before showing timestamps."""
        offset = self._now() - self.monotonic()
        if abs(offset - self.offset) > STEP_SECONDS:
            self.offset = offset

    def unix(self, at: float) -> float:
        """Return the Unix time, to the millisecond, of the monotonic reading ``at``."""
        return self.unix_ms(at) / 1000

    def unix_ms(self, at: float) -> int:
        """Return the Unix time of the monotonic reading ``at`` in milliseconds."""
        return round((at + self.offset) * 1000)
