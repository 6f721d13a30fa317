"""The thread that ends leases in time, whatever the sender is waiting for."""

from contextlib import suppress
from typing import Callable, Optional

from ..native import Native

#: The longest sleep of the thread in seconds: a shorter lease may replace the present one.
LOOK_SECONDS = 0.25


class Expiry:
    """Ends leases by calling ``expire``, in a thread of its own that lives while there are any.

    A name server, a log handler or a frozen disk could hold the sender up for longer than a lease
    lasts. This thread needs only the clock. Call all methods with the lock of the knobs held;
    ``expire`` takes it itself.
    """

    def __init__(self, expire: Callable[[], Optional[float]]) -> None:
        self._expire = expire
        self._is_running = False

    def watch(self) -> bool:
        """Have the thread run. Returns False if none can be started."""
        if not self._is_running:
            try:
                Native.start_thread(self._run, "live-leases")
            except RuntimeError:
                return False
            self._is_running = True
        return True

    def has_ended(self) -> None:
        """Note that the thread ends, since no lease is left."""
        self._is_running = False

    def _run(self) -> None:
        until: Optional[float] = 0.0
        while until is not None:
            with suppress(BaseException):  # a tool may raise SystemExit in all threads
                Native.sleep(max(0.0, min(LOOK_SECONDS, until - Native.monotonic())))
                until = Native.monotonic() + LOOK_SECONDS  # used if the next line fails
                until = self._expire()
