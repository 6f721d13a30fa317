"""Keeps the state file, so that no counter falls when a killed collector is restarted.

Guarantee: whatever a scrape shows or a ``bye`` is answered for is in the file first. There are two
exceptions, both logged and counted: the file can't be written, or writing takes longer than an
answer waits. The collector goes on without the guarantee then.

The event loop encodes the whole state at one moment and hands the text to the writer's thread. A
tmpfs or memory volume will do, since the file need not outlive the node.

The file belongs to one collector. The start fails if it is no state file or can't be owned, and the
file stays as it is. A row that can't be read is left out.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from ..clock import Clock
from ..control.control import Control
from ..faults import Faults
from ..own_metrics import OwnMetrics
from ..table.processes import Processes
from ..table.table import Table
from . import loading, proof, snapshot
from .owned_file import OwnedFile, StateFileError
from .snapshot import State
from .writer import Writer

log = logging.getLogger(__name__)

#: The most seconds that an answer waits until its content is in the file.
MAX_WAIT = 0.1
#: The most seconds that a ``bye`` waits. Our client waits 0.5 s for the answer.
MAX_BYE_WAIT = 2.0
#: Seconds of one write after which it is logged.
STUCK_SECONDS = 2.0
#: Seconds until the same complaint is logged again.
COMPLAIN_SECONDS = 60.0
#: The most seconds that the end of the collector waits for the last write.
END_SECONDS = 5.0
#: Writes for ``bye`` wait until this many times the CPU time of the last write has passed ...
COALESCE = 10
#: ... but at most this many seconds.
MAX_DELAY = 0.1

#: Called with True once the awaited state is in the file, with False if it can't be.
Call = Callable[[bool], None]


class _Waiting(NamedTuple):
    since: float
    call: Call
    #: The number of the text that it waits for.
    number: int = 0


@dataclass(eq=False, kw_only=True)
class StateFile:
    """Restores the table at the start, and saves it when it has changed.

    Without a path nothing is saved, and nothing waits. Unless ``prove``, plugins of the file count
    as unproven. Belongs to the event loop.
    """

    path: str | None
    table: Table
    processes: Processes
    control: Control
    own: OwnMetrics
    faults: Faults
    clock: Clock
    prove: bool = True

    def __post_init__(self) -> None:
        self._file = None if self.path is None else OwnedFile(self.path)
        self._writer = None if self._file is None else Writer(self._file)
        #: The version of the table handed over last; None if that failed.
        self._version: int | None = None
        #: The number of the last text handed over, and of the last one with an outcome.
        self._handed = self._settled = 0
        self._outcome = asyncio.Event()
        #: When the writer began its text, in monotonic seconds.
        self._busy_since = 0.0
        self._encode_cpu = 0.0
        self._next_at = 0.0
        #: The last complaint, and when it was logged.
        self._complaint, self._complained_at = "", 0.0
        #: Callers whose changes are not handed over yet, and callers that wait for the writer.
        self._asking: list[_Waiting] = []
        self._waiting: deque[_Waiting] = deque()
        self._timer: asyncio.TimerHandle | None = None

    async def read_unless(self, stop: asyncio.Event) -> State | None:
        """Return the state in the file; None if there is none, or once ``stop`` is set.

        Raises StateFileError.
        """
        return await loading.read_unless(stop, self._file, self.own) if self._file else None

    def load(self) -> bool:
        """Read and restore the file, and block meanwhile. Raises StateFileError."""
        return self.restore(loading.read(self._file, self.own) if self._file else None)

    def restore(self, state: State | None) -> bool:
        """Fill the table and the processes, and set the clock; False if there is no state."""
        if state is None:
            if self.path is None:
                log.info("no --state.file: a restart loses the counts of ended processes")
            else:
                log.info("state file %s is new: all counts begin at 0", self.path)
            return False
        proof.settle(state, prove=self.prove)
        snapshot.restore(state, self.table, self.processes, self.control, self.clock)
        log.info(
            "state loaded: plugins=%d processes=%d awaited=%d",
            len(state.plugins),
            len(state.processes),
            len(self.processes.awaited),
        )
        return True

    def hand_over(self) -> Callable[[], Awaitable[None]]:
        """Hand a changed state to the writer. Return a function that waits until it is written.

        That waits at most ``MAX_WAIT`` seconds; a longer write is counted. It doesn't wait if the
        file can't be written. Neither raises.
        """
        self._put(partial(self._wake, asyncio.get_running_loop()))
        return partial(self._written, self._handed)

    def when_saved(self, call: Call) -> None:
        """Call ``call(True)`` once the state as it is now is in the file.

        Call ``call(False)`` if it can't be written, or not within ``MAX_BYE_WAIT`` seconds.
        """
        if self._writer is None:
            call(True)
            return
        self._asking.append(_Waiting(self.clock.monotonic(), call))
        self._schedule()

    def tick(self) -> None:
        """Hand over a changed state, and end waits that take too long. Call about once a second."""
        self.hand_over()
        now = self.clock.monotonic()
        if self._handed > self._settled and now - self._busy_since >= STUCK_SECONDS:
            text = f"state file {self.path} has not been written for {STUCK_SECONDS:g} s"
            self._complain(text)
        while self._waiting and now - self._waiting[0].since >= MAX_BYE_WAIT:
            self._tell(self._waiting.popleft(), saved=False)

    def save(self) -> None:
        """Write a changed state, then give the file up: for the end of the process.

        Blocks at most ``END_SECONDS``.
        """
        if self.write() and self._file is not None:
            self._file.release()

    def write(self) -> bool:
        """Hand over a changed state and block until it is written. Cancel any later hand-over.

        Return False if it isn't written within ``END_SECONDS``.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._put(lambda: None)
        is_written = self._writer is None or self._writer.wait(END_SECONDS)
        if not is_written:
            seconds = self.clock.monotonic() - self._busy_since
            log.error("state file %s: the last %.0f s could not be saved", self.path, seconds)
        self._settle()
        return is_written

    def _put(self, then: Callable[[], None]) -> None:
        asking, self._asking = self._asking, []
        version = self.table.version
        if self._writer is not None and version != self._version:
            begin = time.thread_time()
            try:
                text = snapshot.take(self.table, self.processes, self.control, self.clock)
                self._encode_cpu = time.thread_time() - begin
                if self._handed == self._settled:
                    self._busy_since = self.clock.monotonic()
                self._writer.put(self._handed + 1, text, then)
            except Exception as error:
                self._fail(error)
                for each in asking:
                    self._tell(each, saved=False)
                return
            self._version = version
            self._handed += 1
        for each in asking:
            if self._handed > self._settled:
                self._waiting.append(each._replace(number=self._handed))
            else:  # the last text, which is written, has it all
                self._tell(each, saved=True)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, so nobody waits
            loop.call_soon_threadsafe(self._settle)

    async def _written(self, number: int) -> None:
        if number <= self._settled:
            return
        try:
            async with asyncio.timeout(MAX_WAIT):
                while number > self._settled:
                    await self._outcome.wait()
        except TimeoutError:
            self.own.state_late.inc()

    def _settle(self) -> None:
        """Take in the outcomes of texts, and answer those who waited for them."""
        if self._writer is None:
            return
        while self._writer.outcomes:
            self._settled, error, seconds, cpu = self._writer.outcomes.popleft()
            self._busy_since = now = self.clock.monotonic()
            self._next_at = now + min(COALESCE * (self._encode_cpu + cpu), MAX_DELAY)
            self.own.state_writes.observe(seconds)
            if error is not None:
                self._fail(error)
            elif self._complaint:
                log.info("state file %s is written again", self.path)
                self._complaint = ""
            while self._waiting and self._waiting[0].number <= self._settled:
                self._tell(self._waiting.popleft(), saved=error is None)
        self._outcome.set()
        self._outcome = asyncio.Event()
        self._schedule()

    def _fail(self, error: BaseException) -> None:
        self._version = None  # so that the next tick tries again
        self.own.state_failures.inc()
        text = f"can't write state file {self.path}"
        if isinstance(error, (OSError, StateFileError)):
            assert self._file is not None
            reason = self._file.why(error) if isinstance(error, OSError) else error
            self._complain(f"{text}: {reason}; a restart would lose what is counted meanwhile")
        else:
            self._complaint = text
            self.faults.note("state", text, error)

    def _tell(self, waiting: _Waiting, *, saved: bool) -> None:
        """Call one that waits. If it raises, the others are still called."""
        with self.faults.kept("state", "a bye can't be answered"):
            waiting.call(saved)

    def _schedule(self) -> None:
        """Hand over soon for those who ask. While the writer is busy, collect more of them."""
        if self._asking and self._timer is None and self._handed == self._settled:
            delay = max(self._next_at - self.clock.monotonic(), 0.0)
            self._timer = asyncio.get_running_loop().call_later(delay, self._due)

    def _due(self) -> None:
        self._timer = None
        self.hand_over()

    def _complain(self, text: str) -> None:
        """Log a complaint at once, and again every ``COMPLAIN_SECONDS`` while it lasts."""
        now = self.clock.monotonic()
        if text != self._complaint or now - self._complained_at >= COMPLAIN_SECONDS:
            self._complaint, self._complained_at = text, now
            log.error("%s", text)
