"""The state file: what lets a killed collector come back without any counter falling.

Guarantee: what a scrape showed, and what a ``bye`` was answered for, is in the file before. There
are two exceptions, both logged and counted: a file that can't be written, and one whose writing
takes longer than an answer waits. They cost the guarantee and nothing else.

The event loop encodes the plugins and processes that changed, and hands all rows to the writer's
thread at one moment; nothing can change meanwhile. The file needs no disk (a tmpfs or memory volume
does), since it is there for the collector's death and not for the node's. A file that can't be read
is moved aside and the collector starts empty.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from msgspec import DecodeError

from ..clock import Clock
from ..faults import Faults
from ..own_metrics import OwnMetrics
from ..table.plugin import Plugin
from ..table.process import Process
from ..table.processes import Processes
from ..table.table import Table
from . import form, proof
from .form import Head, State
from .writer import Pieces, Writer

log = logging.getLogger(__name__)

#: Seconds that an answer, once made, waits until what it shows is in the file.
MAX_WAIT = 0.1
#: Seconds that a ``bye`` waits; our client waits 0.5 s for its answer.
MAX_BYE_WAIT = 2.0
#: Seconds that one write may take before that is logged.
STUCK_SECONDS = 2.0
#: Seconds that the end of the collector waits for the last write.
END_SECONDS = 5.0
#: Writes for ``bye`` wait until this many times the CPU time of the last write has passed ...
COALESCE = 10
#: ... but at most this many seconds.
MAX_DELAY = 0.1

_BOOT_ID = "/proc/sys/kernel/random/boot_id"

#: Is told whether the wait is over (True), or was given up (False).
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
    own: OwnMetrics
    faults: Faults
    clock: Clock
    prove: bool = True

    def __post_init__(self) -> None:
        self._writer = None if self.path is None else Writer(self.path)
        #: The table's version that was handed over last; None if that failed.
        self._version: int | None = None
        #: Texts are numbered: the last that was handed over, and the last with an outcome.
        self._handed = self._settled = 0
        self._outcome = asyncio.Event()
        #: Since when the writer is at a text.
        self._busy_since = 0.0
        self._encode_cpu = 0.0
        self._next_at = 0.0
        self._complaint = ""
        #: Those whose changes are not handed over yet, and those that wait for the writer.
        self._asking: list[_Waiting] = []
        self._waiting: deque[_Waiting] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def load(self) -> bool:
        """Fill table and processes and set the clock; True if there was a state to load."""
        if self.path is None:
            return False
        path = Path(self.path)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            log.info("no state file yet at %s", path)
            return False
        except OSError as error:
            log.error("can't read state file %s: %s; starting empty", path, error.strerror)
            return False
        try:
            state = form.decode(data)
            self._restore(state)
        except (DecodeError, ValueError, KeyError, RecursionError) as error:
            aside = path.with_name(path.name + ".corrupt")
            log.error("bad state file %s: %s; moved to %s", path, error, aside)
            with contextlib.suppress(OSError):
                path.replace(aside)
            return False
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
        """Call with True once all that is applied now is in the file, or can't be written.

        Call with False if that takes longer than ``MAX_BYE_WAIT`` seconds.
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
            self._waiting.popleft().call(False)

    def save(self) -> None:
        """Hand over what changed and wait for it, at most ``END_SECONDS``. It blocks: for the end.

        Nothing that was asked for before is handed over later.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._put(lambda: None)
        if self._writer is not None and not self._writer.wait(END_SECONDS):
            seconds = self.clock.monotonic() - self._busy_since
            log.error("the last %.0f s are not in state file %s", seconds, self.path)
        self._settle()

    def _put(self, then: Callable[[], None]) -> None:
        version = self.table.version
        if self._writer is not None and version != self._version:
            begin = time.thread_time()
            try:
                pieces = self._pieces()
            except Exception as error:
                self._fail(error)
            else:
                self._encode_cpu = time.thread_time() - begin
                if self._handed == self._settled:
                    self._busy_since = self.clock.monotonic()
                self._version = version
                self._handed += 1
                self._writer.put(self._handed, pieces, then)
        self._waiting += [asking._replace(number=self._handed) for asking in self._asking]
        self._asking.clear()
        self._answer()

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
        self._outcome.set()
        self._outcome = asyncio.Event()
        self._answer()
        self._schedule()

    def _fail(self, error: Exception) -> None:
        self._version = None  # so that it is tried again
        self.own.state_failures.inc()
        reason = error.strerror if isinstance(error, OSError) else repr(error)
        self._complain(f"can't write state file {self.path}: {reason}", error)

    def _answer(self) -> None:
        while self._waiting and self._waiting[0].number <= self._settled:
            self._waiting.popleft().call(True)

    def _schedule(self) -> None:
        """Hand over soon for those who ask; not while the writer is busy, for more may come."""
        if self._asking and self._timer is None and self._handed == self._settled:
            delay = max(self._next_at - self.clock.monotonic(), 0.0)
            self._timer = asyncio.get_running_loop().call_later(delay, self._due)

    def _due(self) -> None:
        self._timer = None
        self.hand_over()

    def _complain(self, text: str, error: Exception | None = None) -> None:
        """Log once what is wrong; with a traceback if that was not foreseen."""
        if text != self._complaint:
            fault = None if isinstance(error, OSError) else error
            log.error("%s; going on without", text, exc_info=fault)
        self._complaint = text

    def _pieces(self) -> Pieces:
        head = Head(
            boot=_boot_id(),
            monotonic=self.clock.monotonic(),
            closed=list(self.processes.tombstones.closed.rows.values()),
            gone=list(self.table.gone.rows.values()),
            ahead=self.clock.ahead,
            awaited=sorted(self.processes.awaited),
        )
        plugins = [form.row(plugin) for plugin in self.table.plugins.values()]
        known = [process for process in self.processes.all() if not process.plugin.gone]
        return form.encode(head, plugins, [form.row(process) for process in known])

    def _restore(self, state: State[Plugin, Process]) -> None:
        now, ahead = self.clock.monotonic(), state.ahead
        # After a reboot the system's clock began anew: treat the time between as none.
        if state.boot != _boot_id() or state.monotonic > now + ahead:
            ahead = state.monotonic - now
        known = {plugin.identity: plugin for plugin in state.plugins}
        for process in state.processes:
            process.join(known[process.identity])
        proof.settle(known, state.processes, state.gone, prove=self.prove)
        self.clock.go_on(ahead)
        for plugin in state.plugins:
            self.table.restore(plugin)
            if plugin.left_at is None:
                plugin.left_at = self.clock.monotonic()
        for process in state.processes:
            self.processes.restore(process)
        self.processes.awaited.update(self.processes.by_id.keys() & state.awaited)
        for closed in state.closed:
            self.processes.tombstones.closed.add(closed.id, closed)
        for gone in state.gone:
            self.table.gone.add(gone.identity, gone)


@cache
def _boot_id() -> str:
    try:
        with open(_BOOT_ID) as file:
            return file.read().strip()
    except OSError:
        return ""
