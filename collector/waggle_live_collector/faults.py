"""Internal errors: each is counted by its place, and each kind is logged once a minute.

Code that must go on after such an error runs within :meth:`Faults.kept`. A task that must not end
starts by :meth:`Faults.task`.
"""

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Coroutine, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

from .clock import Clock
from .own_metrics import OwnMetrics

log = logging.getLogger(__name__)

#: Seconds between two lines about the same kind of error.
DEFAULT_LOG_SECONDS = 60.0
#: The most kinds that are remembered; further ones are only counted.
DEFAULT_MAX_KINDS = 100
#: Seconds until a task that raised begins again.
DEFAULT_RESTART_SECONDS = 1.0


class Said:
    """The kinds of things that were logged lately. Belongs to the event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        #: When a kind is to be logged again.
        self._due: dict[Hashable, float] = {}

    def is_due(self, kind: Hashable, seconds: float = DEFAULT_LOG_SECONDS) -> bool:
        """Tell whether to log something of this kind; if so, it counts as logged for a while."""
        now = self._clock.monotonic()
        for each in [each for each, due in self._due.items() if now >= due]:
            del self._due[each]
        if kind in self._due or len(self._due) >= DEFAULT_MAX_KINDS:
            return False
        self._due[kind] = now + seconds
        return True


class Faults:
    """Records internal errors. Belongs to the event loop."""

    def __init__(self, *, own: OwnMetrics, clock: Clock) -> None:
        self._own = own
        self._said = Said(clock)

    def note(self, where: str, text: str, error: BaseException) -> None:
        """Count an error, and log it with its traceback unless its kind was logged lately.

        ``where``: one of ``own_metrics.FAULTS``. Errors of one type from one line are one kind.
        """
        self._own.errors.labels(where).inc()
        traceback = error.__traceback__
        while traceback is not None and traceback.tb_next is not None:
            traceback = traceback.tb_next
        line = None if traceback is None else (traceback.tb_frame.f_code, traceback.tb_lineno)
        if self._said.is_due((where, type(error), line)):
            log.error("%s; for a minute more of these are only counted", text, exc_info=error)

    @contextmanager
    def kept(self, where: str, text: str) -> Iterator[None]:
        """Go on after the block even if it raises. The error is recorded."""
        try:
            yield
        except Exception as error:
            self.note(where, text, error)

    def task(
        self, where: str, text: str, work: Callable[[], Coroutine[Any, Any, None]]
    ) -> asyncio.Task[None]:
        """Return a task that does ``work``, and restarts it a second after it raised.

        It ends when the work returns, or when it is cancelled itself.
        """

        async def supervised() -> None:
            while True:
                try:
                    return await work()
                except asyncio.CancelledError as error:
                    # Something that the work awaits may be cancelled too, which would end it
                    # unnoticed.
                    task = asyncio.current_task()
                    if task is None or task.cancelling():
                        raise
                    self.note(where, text, error)
                except Exception as error:
                    self.note(where, text, error)
                await asyncio.sleep(DEFAULT_RESTART_SECONDS)

        return asyncio.create_task(supervised())

    def watch(self) -> None:
        """Record uncaught errors from now on: in the running loop, in threads, in finalizers."""
        loop = asyncio.get_running_loop()

        def note(text: str, error: BaseException | None) -> None:
            self.note("loop", text, error or RuntimeError(text))

        def unraisable(args: "sys.UnraisableHookArgs") -> None:
            text = args.err_msg or "an exception could not be raised"
            _call(loop, note, f"{text}: {args.object!r}", args.exc_value)

        def in_thread(args: threading.ExceptHookArgs) -> None:
            _call(loop, note, f"thread {args.thread and args.thread.name} ended", args.exc_value)

        loop.set_exception_handler(
            lambda _, context: note(context["message"], context.get("exception"))
        )
        threading.excepthook, sys.unraisablehook = in_thread, unraisable


def _call(
    loop: asyncio.AbstractEventLoop,
    note: Callable[[str, BaseException | None], None],
    text: str,
    error: BaseException | None,
) -> None:
    """Record an error of any thread in the loop's thread; if the loop has ended, only log it."""
    try:
        loop.call_soon_threadsafe(note, text, error)
    except RuntimeError:
        log.error("%s", text, exc_info=error)
