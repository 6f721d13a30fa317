"""Keeps a file at the newest text that it was handed, from a thread of its own.

A disk that is slow or frozen holds up this thread and nothing else. The file is replaced
atomically. There is no ``fsync``: the state outlives the collector and need not outlive the node.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec import Raw

#: Bytes that are gathered before they are written. Each write lets the event loop run, which may
#: then keep the interpreter for some milliseconds: a few large ones are done sooner.
BUFFER_BYTES = 1024 * 1024

Pieces = Sequence[bytes | Raw]


class Outcome(NamedTuple):
    """What became of a text: written, if there is no error; what that took of time and CPU."""

    number: int
    error: Exception | None
    seconds: float
    cpu_seconds: float


class Writer:
    """Writes texts to ``path``. Thread-safe; there is a thread only while there is work.

    Only the newest text counts: one that waits is replaced by the next, and has no outcome.
    """

    def __init__(self, path: str) -> None:
        #: In the order of their numbers; whoever hands texts over takes them out.
        self.outcomes: deque[Outcome] = deque()
        self._path = path
        self._next: tuple[int, Pieces, Callable[[], None]] | None = None
        self._busy = False
        self._changed = threading.Condition()

    def put(self, number: int, pieces: Pieces, then: Callable[[], None]) -> None:
        """Write a text, and call ``then`` once its outcome is there, mostly in the thread."""
        with self._changed:
            self._next = number, pieces, then
            if self._busy:
                return
            self._busy = True
        try:
            # A daemon, so that the process can end while a write hangs.
            threading.Thread(target=self._run, name="state", daemon=True).start()
        except RuntimeError as error:  # the system has no more threads
            with self._changed:
                self._next, self._busy = None, False
            self.outcomes.append(Outcome(number, error, 0.0, 0.0))
            then()

    def wait(self, seconds: float) -> bool:
        """Wait until nothing is left to write; False if that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy, seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._next is None:
                    self._busy = False
                    self._changed.notify_all()
                    return
                (number, pieces, then), self._next = self._next, None
            begin, cpu = time.perf_counter(), time.thread_time()
            error = self._write(pieces)
            del pieces  # the rows may have changed since, and are then held by nothing else
            took = time.perf_counter() - begin, time.thread_time() - cpu
            self.outcomes.append(Outcome(number, error, *took))
            then()

    def _write(self, pieces: Pieces) -> Exception | None:
        temporary = f"{self._path}.tmp"
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "wb", buffering=BUFFER_BYTES) as file:
                file.writelines(pieces)
            os.replace(temporary, self._path)
        except Exception as error:
            return error
        return None
