"""Errors of our own: each is counted by where it was, and each kind is logged once a minute.

Whoever calls code that must not end because of a fault in it does so within :meth:`Faults.kept`.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from .clock import Clock
from .own_metrics import OwnMetrics

log = logging.getLogger(__name__)

#: Seconds between two lines about the same kind of error.
DEFAULT_LOG_SECONDS = 60.0
#: Kinds that are remembered at a time; more are only counted.
DEFAULT_MAX_KINDS = 100


class Faults:
    """Notes errors. Belongs to the event loop."""

    def __init__(self, *, own: OwnMetrics, clock: Clock) -> None:
        self._own = own
        self._clock = clock
        #: When a kind was logged last.
        self._logged: dict[object, float] = {}

    def note(self, where: str, text: str, error: BaseException) -> None:
        """Count an error, and log it with its traceback unless its kind was logged just now.

        ``where`` is one of ``own_metrics.FAULTS``. Of one kind are the errors of one type that
        were raised at one line.
        """
        self._own.errors.labels(where).inc()
        traceback = error.__traceback__
        while traceback is not None and traceback.tb_next is not None:
            traceback = traceback.tb_next
        line = None if traceback is None else (traceback.tb_frame.f_code, traceback.tb_lineno)
        kind, now = (where, type(error), line), self._clock.monotonic()
        for each in [k for k, at in self._logged.items() if now - at >= DEFAULT_LOG_SECONDS]:
            del self._logged[each]
        if kind not in self._logged and len(self._logged) < DEFAULT_MAX_KINDS:
            self._logged[kind] = now
            log.error("%s; more of these are only counted for a minute", text, exc_info=error)

    @contextmanager
    def kept(self, where: str, text: str) -> Iterator[None]:
        """Go on after the block if it raises; that is noted."""
        try:
            yield
        except Exception as error:
            self.note(where, text, error)
