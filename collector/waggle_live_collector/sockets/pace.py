"""Limits how often each of many clients may do something: at once, and per second."""

from collections.abc import Callable, Hashable


class Pace:
    """A token bucket for each client: ``burst`` tokens, refilled at ``rate`` per second.

    ``now`` returns monotonic seconds. Belongs to the event loop.
    """

    def __init__(self, burst: float, rate: float, *, now: Callable[[], float]) -> None:
        self._each = 1 / rate
        self._whole = burst / rate
        self._now = now
        #: When each bucket will be full again. Full ones are forgotten.
        self._full_at: dict[Hashable, float] = {}

    def allows(self, who: Hashable) -> bool:
        """Tell whether ``who`` may do it now, and then take a token."""
        now = self._now()
        full_at = max(self._full_at.get(who, now), now) + self._each
        if full_at - now > self._whole:
            return False
        self._full_at[who] = full_at
        return True

    def __contains__(self, who: object) -> bool:
        """Tell whether ``who`` has a bucket that isn't known to be full."""
        return who in self._full_at

    def sweep(self) -> None:
        """Forget the full buckets. Call about once a second."""
        now = self._now()
        self._full_at = {who: at for who, at in self._full_at.items() if at > now}
