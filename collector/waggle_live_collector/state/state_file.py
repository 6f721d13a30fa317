"""The state file: what lets a killed collector come back without any counter falling.

Guarantee: what a scrape showed, and what a ``bye`` was answered for, is in the file before. There
are two exceptions, both logged and counted: a file that can't be written, and one whose writing
takes longer than an answer waits. They cost the guarantee and nothing else.

The event loop encodes the whole state at one moment and hands the text to the writer's thread.
The file needs no disk (a tmpfs or memory volume
does), since it is there for the collector's death and not for the node's.

The file belongs to one collector. One that is no state file, or can't be had, ends the start and
stays as it is; a row that can't be read costs that row.
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

#: Seconds that an answer, once made, waits until what it shows is in the file.
MAX_WAIT = 0.1
#: Seconds that a ``bye`` waits; our client waits 0.5 s for its answer.
MAX_BYE_WAIT = 2.0
#: Seconds that one write may take before that is logged.
STUCK_SECONDS = 2.0
#: Seconds between two lines that say the same.
COMPLAIN_SECONDS = 60.0
#: Seconds that the end of the collector waits for the last write.
END_SECONDS = 5.0
#: Writes for ``bye`` wait until this many times the CPU time of the last write has passed ...
COALESCE = 10
#: ... but at most this many seconds.
MAX_DELAY = 0.1

#: Is told whether what it waits for is in the file.
Call = Callable[[bool], None]


class _Waiting(NamedTuple):
    since: float
    call: Call
    #: Of the text that it waits for.
    number: int = 0


@dataclass(eq=False, kw_only=True)
class StateFile:
    """Reads the table at the start, hands it over when it changed. Belongs to the event loop.

    Without a path nothing is kept, and nobody waits. Unless ``prove``, no plugin that is read
    counts as proven.
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
        #: The table's version that was handed over last; None if that failed.
        self._version: int | None = None
        #: Texts are numbered: the last that was handed over, and the last with an outcome.
        self._handed = self._settled = 0
        self._outcome = asyncio.Event()
        #: Since when the writer is at a text.
        self._busy_since = 0.0
        self._encode_cpu = 0.0
        self._next_at = 0.0
        #: What was complained of last, and when.
        self._complaint, self._complained_at = "", 0.0
        #: Those whose changes are not handed over yet, and those that wait for the writer.
        self._asking: list[_Waiting] = []
        self._waiting: deque[_Waiting] = deque()
        self._timer: asyncio.TimerHandle | None = None

    async def read_unless(self, stop: asyncio.Event) -> State | None:
        """Return what is in the file, however long the disk takes; None also once ``stop`` is set.

        Raises StateFileError.
        """
        return await loading.read_unless(stop, self._file, self.own) if self._file else None

    def load(self) -> bool:
        """Read and restore at once, for whoever may wait for the disk; raises StateFileError."""
        return self.restore(loading.read(self._file, self.own) if self._file else None)

    def restore(self, state: State | None) -> bool:
        """Fill table and processes and set the clock by what was read; False if that is none."""
        if state is None:
            if self.path is None:
                log.info("no --state.file: a restart loses what ended processes counted")
            else:
                log.info("no state yet at %s", self.path)
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
        """Give the writer what changed. What is returned waits until that is in the file.

        It waits at most ``MAX_WAIT`` seconds; that it took longer is counted. It doesn't wait if
        the file can't be written. Neither raises.
        """
        self._put(partial(self._wake, asyncio.get_running_loop()))
        return partial(self._written, self._handed)

    def when_saved(self, call: Call) -> None:
        """Call with True once all that is applied now is in the file.

        Call with False if it can't be written, or if that takes over ``MAX_BYE_WAIT`` seconds.
        """
        if self._writer is None:
            call(True)
            return
        self._asking.append(_Waiting(self.clock.monotonic(), call))
        self._schedule()

    def tick(self) -> None:
        """Hand over what changed, and look who waits too long; call about once a second."""
        self.hand_over()
        now = self.clock.monotonic()
        if self._handed > self._settled and now - self._busy_since >= STUCK_SECONDS:
            text = f"state file {self.path} has not been written for {STUCK_SECONDS:g} s"
            self._complain(text)
        while self._waiting and now - self._waiting[0].since >= MAX_BYE_WAIT:
            self._tell(self._waiting.popleft(), saved=False)

    def save(self) -> None:
        """Write what changed, at most for ``END_SECONDS``, and give the file up: for the end."""
        if self.write() and self._file is not None:
            self._file.release()

    def write(self) -> bool:
        """Hand over what changed and wait for it; False if that takes over ``END_SECONDS``.

        It blocks. Nothing that was asked for before is handed over later.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._put(lambda: None)
        is_written = self._writer is None or self._writer.wait(END_SECONDS)
        if not is_written:
            seconds = self.clock.monotonic() - self._busy_since
            log.error("the last %.0f s are not in state file %s", seconds, self.path)
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
            else:  # nothing has changed since the last text was written
                self._tell(each, saved=True)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits
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
        """Take in what became of the texts, and go on for all who waited for them."""
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
        self._version = None  # so that it is tried again
        self.own.state_failures.inc()
        text = f"can't write state file {self.path}"
        if isinstance(error, (OSError, StateFileError)):
            assert self._file is not None
            reason = self._file.why(error) if isinstance(error, OSError) else error
            self._complain(f"{text}: {reason}; what happens meanwhile is not saved")
        else:
            self._complaint = text
            self.faults.note("state", text, error)

    def _tell(self, waiting: _Waiting, *, saved: bool) -> None:
        """Answer one who waits, whatever that raises: the others wait as well."""
        with self.faults.kept("state", "a bye can't be answered"):
            waiting.call(saved)

    def _schedule(self) -> None:
        """Hand over soon for those who ask; not while the writer is busy, for more may come."""
        if self._asking and self._timer is None and self._handed == self._settled:
            delay = max(self._next_at - self.clock.monotonic(), 0.0)
            self._timer = asyncio.get_running_loop().call_later(delay, self._due)

    def _due(self) -> None:
        self._timer = None
        self.hand_over()

    def _complain(self, text: str) -> None:
        """Log what is wrong, at once and then once a minute."""
        now = self.clock.monotonic()
        if text != self._complaint or now - self._complained_at >= COMPLAIN_SECONDS:
            self._complaint, self._complained_at = text, now
            log.error("%s", text)
