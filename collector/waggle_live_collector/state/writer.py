"""Writes the newest text to a file, in a thread of its own.

A slow or frozen disk holds up this thread alone.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from .owned_file import OwnedFile


class Outcome(NamedTuple):
    """The result of one write: it succeeded if ``error`` is None. Times are in seconds."""

    number: int
    error: BaseException | None
    seconds: float
    cpu_seconds: float


class Writer:
    """Writes texts to ``file``. Thread-safe. The thread exists only while there is work.

    A text that still waits is replaced by the next one, and has no outcome.
    """

    def __init__(self, file: OwnedFile) -> None:
        #: In the order of their numbers. The caller of :meth:`put` removes them.
        self.outcomes: deque[Outcome] = deque()
        self._file = file
        self._next: tuple[int, bytes, Callable[[], None]] | None = None
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()

    def put(self, number: int, text: bytes, then: Callable[[], None]) -> None:
        """Write a text, then call ``then``. The thread calls it, or this call if none starts."""
        with self._changed:
            self._next = number, text, then
            if self._thread is not None:
                return
            try:
                # A daemon, so that the process can end while a write hangs.
                self._thread = threading.Thread(target=self._run, name="state", daemon=True)
                self._thread.start()
                return
            except (RuntimeError, MemoryError) as error:  # the system has no more threads
                self._next = self._thread = None
                self.outcomes.append(Outcome(number, error, 0.0, 0.0))
        then()

    def wait(self, seconds: float) -> bool:
        """Wait until nothing is left to write. Return False if that takes more than ``seconds``."""
        with self._changed:
            return self._changed.wait_for(lambda: self._thread is None, seconds)

    def _run(self) -> None:
        try:
            self._write()
        except BaseException:
            # After an unexpected error the next `put` starts a new thread, and `wait` returns.
            with self._changed:
                self._thread = None
                self._changed.notify_all()
            raise

    def _write(self) -> None:
        while True:
            with self._changed:
                if self._next is None:
                    self._thread = None
                    self._changed.notify_all()
                    return
                (number, text, then), self._next = self._next, None
            begin, cpu = time.perf_counter(), time.thread_time()
            error: BaseException | None = None
            try:
                self._file.replace(text)
            except BaseException as caught:
                error = caught
            del text  # it may be large
            took = time.perf_counter() - begin, time.thread_time() - cpu
            self.outcomes.append(Outcome(number, error, *took))
            then()
