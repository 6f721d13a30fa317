"""The processes with knobs, and those that vanished shortly after a knob was set.

Belongs to the event loop.
"""

from __future__ import annotations

from collections.abc import Callable

from ..budget import Account, What
from ..clock import Clock
from ..identity.labels import IdentityLabels
from ..messages import Knobs, Refusal
from ..table.costs import KNOB_LINES, line, text
from ..table.process import Process
from ..table.processes import Processes
from ..table.table import DEFAULT_MAX_LINES, DEFAULT_MAX_TEXT
from .process import ControlledProcess
from .setting import SUSPECT_SECONDS

Send = Callable[[bytes], None]


class ControlledProcesses:
    """The processes with knobs. ``blame`` is called if one ends badly, with the time of its end."""

    def __init__(
        self,
        *,
        processes: Processes,
        clock: Clock,
        blame: Callable[[ControlledProcess, float], None],
    ) -> None:
        self.table = processes.table
        #: The connected ones, by the id of their process.
        self.told: dict[str, ControlledProcess] = {}
        self._processes = processes
        self._clock = clock
        self._blame = blame
        #: Those whose connection ended shortly after a value was sent, and when it ended.
        self._vanished: dict[str, tuple[ControlledProcess, float]] = {}

    def of(self, identity: IdentityLabels) -> list[ControlledProcess]:
        """Return the processes of a plugin. The one heard last is the last."""
        plugin = self.table.plugins.get(identity)
        if plugin is None:
            return []
        found = [self.told[each] for each in plugin.processes if each in self.told]
        if len(found) > 1:
            found.sort(key=lambda each: each.at)
        return found

    def take(
        self, process: Process, message: Knobs, send: Send, refusals: list[Refusal]
    ) -> ControlledProcess | None:
        """Take in the knobs of a process, and return it; None if the message is an old one."""
        told = self.told.get(process.id)
        if told is None or told.send != send:
            told = self._new(process, send, told)
        self._show(told, -1)
        is_new = told.take(message, self._clock.monotonic(), refusals)
        if is_new and told.shown and self._is_crowded(told):
            refusals.append(Refusal("budget", "a scrape has no more room for knobs"))
            told.knobs = {}
            told.account.hold(What.SERIES, 0)
        self._show(told, 1)
        return told if is_new else None

    def left(self, process: Process, send: Send) -> None:
        """Note that the connection of a process ended without ``bye``."""
        told = self.told.get(process.id)
        if told is None or told.send != send:
            return
        self._part(told)
        now = self._clock.monotonic()
        if any(now - sent.at <= SUSPECT_SECONDS for sent in told.sent.values()):
            self._vanished[process.id] = told, now

    def ended(self, process: Process, *, as_it_should: bool) -> None:
        """Note that a process said ``bye``."""
        told = self.told.get(process.id)
        if told is not None:
            self._part(told)
        else:
            told, _ = self._vanished.pop(process.id, (None, 0.0))
        if told is not None and not as_it_should:
            self._blame(told, self._clock.monotonic())

    def watch(self) -> None:
        """Check whether processes without a connection have ended. Call about once a second."""
        for process_id, (told, at) in list(self._vanished.items()):
            if self._processes.by_id.get(process_id) is not told.process:
                del self._vanished[process_id]
                if told.process.expired:  # it was lost
                    self._blame(told, at)

    def rename(self, told: ControlledProcess) -> None:
        """Move a process to the plugin that it belongs to now."""
        self._show(told, -1)
        told.identity = told.process.plugin.identity
        self._show(told, 1)

    def account(self, process: Process, name: str) -> Account:
        """Return an account below that of a process, which is closed with it."""
        parent = process.account.parent
        assert parent is not None
        budget = self.table.budget
        return budget.account(process.principal, parent.name, process.id, name)

    def _new(
        self, process: Process, send: Send, before: ControlledProcess | None
    ) -> ControlledProcess:
        """Return the record of a process that reports for the first time on its connection."""
        if before is not None:
            self._part(before)
        returned, _ = self._vanished.pop(process.id, (before, 0.0))
        told = ControlledProcess(process, send, self.account(process, "knobs"))
        if returned is not None:
            told.sent = returned.sent
        else:
            identity = process.plugin.identity
            for each, at in list(self._vanished.values()):
                if each.process.plugin.identity == identity:
                    del self._vanished[each.process.id]
                    self._blame(each, at)
        self.told[process.id] = told
        return told

    def _part(self, told: ControlledProcess) -> None:
        self._show(told, -1)
        self.told.pop(told.process.id, None)
        told.account.close()
        self.table.version += 1

    def _show(self, told: ControlledProcess, sign: int) -> None:
        """Add (1) or subtract (-1) the lines of a scrape for the knobs of a process."""
        lines = sign * told.shown * KNOB_LINES
        self.table.count_lines(lines, line(text(told.identity)))

    def _is_crowded(self, told: ControlledProcess) -> bool:
        table = self.table
        full = table.lines >= DEFAULT_MAX_LINES or table.text >= DEFAULT_MAX_TEXT
        return full and not table.budget.within_reserve(told.account)
