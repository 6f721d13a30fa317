"""Keeps a file at the newest text that it was handed, from a thread of its own.

A disk that is slow or frozen holds up this thread and nothing else.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from .owned_file import OwnedFile


class Outcome(NamedTuple):
    """What became of a text: written, if there is no error; what that took of time and CPU."""

    number: int
    error: BaseException | None
    seconds: float
    cpu_seconds: float


class Writer:
    """Writes texts to ``file``. Thread-safe; there is a thread only while there is work.

    Only the newest text counts: one that waits is replaced by the next, and has no outcome.
    """

    def __init__(self, file: OwnedFile) -> None:
        #: In the order of their numbers; whoever hands texts over takes them out.
        self.outcomes: deque[Outcome] = deque()
        self._file = file
        self._next: tuple[int, bytes, Callable[[], None]] | None = None
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()

    def put(self, number: int, text: bytes, then: Callable[[], None]) -> None:
        """Write a text, and call ``then`` once its outcome is there, mostly in the thread."""
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
        """Wait until nothing is left to write; False if that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: self._thread is None, seconds)

    def _run(self) -> None:
        try:
            self._write()
        except BaseException:
            # An error that nobody thought of must not stop all writing, nor whoever waits.
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
