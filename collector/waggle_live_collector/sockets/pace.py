"""Limits how often each of many clients may do something: at once, and per second."""

from collections.abc import Callable, Hashable


class Pace:
    """A token bucket per client: of ``burst``, filled by ``rate`` a second.

    ``now`` returns monotonic seconds. Belongs to the event loop.
    """

    def __init__(self, burst: float, rate: float, *, now: Callable[[], float]) -> None:
        self._each = 1 / rate
        self._whole = burst / rate
        self._now = now
        #: When a bucket is full again. Those that are full are not remembered.
        self._full_at: dict[Hashable, float] = {}

    def allows(self, who: Hashable) -> bool:
        """Tell whether ``who`` may do it now; that is then taken from the bucket."""
        now = self._now()
        full_at = max(self._full_at.get(who, now), now) + self._each
        if full_at - now > self._whole:
            return False
        self._full_at[who] = full_at
        return True

    def __contains__(self, who: object) -> bool:
        """Tell whether ``who`` has done it lately."""
        return who in self._full_at

    def sweep(self) -> None:
        """Forget the full buckets; call about once a second."""
        now = self._now()
        self._full_at = {who: at for who, at in self._full_at.items() if at > now}
