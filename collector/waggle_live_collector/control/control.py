"""Brings together what holders want, what processes report, and what is safe.

A holder states all that it wants. Each second, and at each message, the knobs concerned are
settled: the best lease is put in force, unless its value has to wait. Each process of the plugin is
sent all that is in force for it, with the seconds left. It counts them down itself, so no value
outlives its lease even if the collector ends. Belongs to the event loop; no call waits.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import json

from waggle_live.wire.knobs import SET, Value

from ..budget import What
from ..clock import Clock
from ..identity.labels import IdentityLabels
from ..messages import Knobs, Refusal, Stacks
from ..own_metrics import OwnMetrics
from ..table.exits import ERROR
from ..table.process import Process
from ..table.processes import Processes
from .knob import Knob
from .leases import KnobKey, Leases
from .process import ControlledProcess, ProcessKnob, Sent
from .processes import ControlledProcesses, Send
from .profile import Profile
from .setting import SUSPECT_SECONDS, Setting, Settings

log = logging.getLogger(__name__)

#: Bytes of a lease, including its row in the state file.
LEASE_BYTES = 1200
#: Seconds added to a timer, so that it is never early.
TIMER_SECONDS = 0.002
#: The principal that the budget counts leases for.
PRINCIPAL = "control"
#: The range of the random first revision. A process may still have a revision of a collector that
#: lost its state, which must not look like ours.
REVISIONS = 1 << 40

Later = Callable[[float, Callable[[KnobKey], None], KnobKey], object]


class Control:
    """All of control. Without ``is_on`` it takes no orders, and only reports."""

    def __init__(
        self, *, processes: Processes, own: OwnMetrics, clock: Clock, is_on: bool = False
    ) -> None:
        self.is_on = is_on
        #: Whether the state file is read. Before that the leases are unknown.
        self.is_read = False
        self.clock = clock
        self.leases = Leases()
        self.settings = Settings(processes.table.budget)
        self.profiles: dict[IdentityLabels, Profile] = {}
        #: Called to have the state saved soon.
        self.changed: Callable[[], None] = lambda: None
        #: Calls a function with a knob after some seconds.
        self._later: Later = lambda seconds, call, key: None
        #: The first and the last revision in use.
        self.first = self.revision = secrets.randbelow(REVISIONS) + 1
        self._own = own
        self._all, self._table = processes, processes.table
        self._budget = self._table.budget
        self._processes = ControlledProcesses(processes=processes, clock=clock, blame=self._blame)
        #: Whether a value was put in force since ``changed`` was called.
        self._is_changed = False
        #: Knobs whose wanted value has to wait.
        self._waiting: set[KnobKey] = set()

    def begin(self, changed: Callable[[], None], later: Later) -> None:
        """Begin to take orders, once the state file is read. ``changed`` has the state saved."""
        self.is_read, self.changed, self._later = True, changed, later

    def take(self, process: Process, message: Knobs, send: Send, refusals: list[Refusal]) -> None:
        """Take in the knobs that a process reports, and add faulty ones to ``refusals``.

        ``send`` queues a line to the process. It is the same object while the connection lasts.
        """
        told = self._processes.take(process, message, send, refusals)
        self._table.version += 1
        if told is None:
            return
        identity = process.plugin.identity
        for name, knob in told.knobs.items():
            if knob.slept is not None:
                setting = self.settings.make(KnobKey(identity, name), process.principal, room=False)
                if setting is not None:
                    setting.sleep(process.id, knob.slept)
        if any(self._is_behind(told, name, knob) for name, knob in told.knobs.items()):
            self._send(told, self.clock.monotonic())

    def take_stacks(self, process: Process, message: Stacks) -> None:
        """Take in stacks of a process. Ignore them if no profile asked for them."""
        identity = process.plugin.identity
        profile = self.profiles.get(identity)
        if profile is not None and message.revision in profile.revisions:
            profile.take(process.id, message.stacks, self._processes.account(process, "stacks"))

    def left(self, process: Process, send: Send) -> None:
        """Note that a connection ended without ``bye``. Call it before the table is told."""
        self._processes.left(process, send)

    def ended(self, process: Process, status: str) -> None:
        """Note that a process said ``bye``. Call it before the table is told."""
        self._processes.ended(process, as_it_should=status != ERROR)

    def knob(self, key: KnobKey) -> Knob | None:
        """Return a knob; None if no connected process has it."""
        told = self._processes.of(key.identity)
        found = [each.knobs[key.name] for each in told if key.name in each.knobs]
        return Knob(key, found, self.settings.get(key)) if found else None

    def knobs(self) -> Iterator[Knob]:
        """Yield the knobs of all shown plugins."""
        for plugin in list(self._table.shown(self.clock.monotonic())):
            told = self._processes.of(plugin.identity)
            names = dict.fromkeys(name for each in told for name in each.knobs)
            for name in names:
                key = KnobKey(plugin.identity, name)
                found = [each.knobs[name] for each in told if name in each.knobs]
                yield Knob(key, found, self.settings.get(key))

    def make_setting(self, key: KnobKey) -> None:
        """Make the setting of a knob, without asking the budget for room.

        There are at most as many settings as leases and reported knobs, which are bounded.
        """
        if told := self._processes.of(key.identity):
            self.settings.make(key, told[-1].process.principal, room=True)

    def settle(self, key: KnobKey, now: float) -> str:
        """Put the best value in force. Return why the wanted one has to wait; "" if it needn't."""
        setting, best = self.settings.get(key), self.leases.best(key)
        has_waited = key in self._waiting
        self._waiting.discard(key)
        if setting is None:
            return ""
        before, why = setting.value, ""
        if best is not None:
            holder, lease = best
            is_same = before is not None and lease.value == before
            if not is_same or setting.suspect(lease.value, now):
                why, until = setting.held_back(lease.value, now)
            if not why:
                setting.until = lease.until
                if not is_same:
                    self.revision += 1
                    setting.revision = self.revision
                    self._change(setting, lease.value, holder.name, now)
                setting.holder = holder.name
                return ""
            self._waiting.add(key)
            if not has_waited:
                self._later(max(until - now, 0.0) + TIMER_SECONDS, self._look, key)
        if before is not None and (
            now >= setting.until
            or self.leases.of(key, setting.holder) is None
            or setting.suspect(before, now)
        ):
            self._change(setting, None, setting.holder, now)
        return why

    def send(self, identities: Iterable[IdentityLabels], now: float) -> None:
        """Send the values in force to all processes of some plugins."""
        for identity in identities:
            for told in self._processes.of(identity):
                self._send(told, now)
            self._table.version += 1
        if self._is_changed:
            self._is_changed = False
            self.changed()
        self._own.leases.set(self.leases.count)

    def hold_leases(self, more: int) -> bool:
        """Hold the bytes of ``more`` leases, or fewer. Return False if there is no room."""
        account = self._budget.account(PRINCIPAL, "leases")
        size = account.own(What.SERIES) + more * LEASE_BYTES
        return account.hold(What.SERIES, max(size, 0))

    def tick(self) -> None:
        """End what is over its time. Call about once a second."""
        now = self.clock.monotonic()
        self._processes.watch()
        over = self.leases.expire(now)
        self.hold_leases(-len(over))
        self._own.lease_expirations.inc(len(over))
        due = {*over, *self._waiting}
        due.update(key for key, each in self.settings.items() if each.is_over(now))
        for told in self._processes.told.values():
            if told.identity != told.process.plugin.identity:  # its pod was looked up
                self._send(told, now)
            self._trust(told, now)
        self._settle(due, now)
        known = {process.id for process in self._all.all()}
        self.settings.forget(self._table.plugins, known, self.leases)
        quarantined = sum(len(each.quarantined) for _, each in self.settings.items())
        self._own.quarantined_values.set(quarantined)

    def _look(self, key: KnobKey) -> None:
        """Settle a knob whose value has waited long enough."""
        if key in self._waiting:
            self._settle([key], self.clock.monotonic())

    def _settle(self, due: Iterable[KnobKey], now: float) -> None:
        """Settle some knobs, and send what has changed."""
        moved = set()
        for key in due:
            before = self.settings[key].value if key in self.settings else None
            self.settle(key, now)
            if key in self.settings and self.settings[key].value != before:
                moved.add(key.identity)
        self.send(moved, now)

    def _trust(self, told: ControlledProcess, now: float) -> None:
        """Trust the values with which a process has run for long."""
        for name, sent in told.sent.items():
            knob = told.knobs.get(name)
            if now - sent.at > SUSPECT_SECONDS and knob is not None and knob.value == sent.value:
                setting = self.settings.get(KnobKey(told.identity, name))
                if setting is not None and setting.trust(sent.value, now):
                    self._is_changed = True

    def _is_behind(self, told: ControlledProcess, name: str, knob: ProcessKnob) -> bool:
        """Tell whether a process has another value than the one in force for it.

        A value of an unknown revision comes from a collector that lost its state. The process ends
        it by itself.
        """
        setting = self.settings.get(KnobKey(told.process.plugin.identity, name))
        if setting is not None and setting.value is not None and knob.allows(setting.value):
            sent = told.sent.get(name)
            is_sent = told.set_number > 0 and sent is not None and sent.revision == setting.revision
            return not is_sent and knob.revision != setting.revision
        return knob.source == SET and self.first <= knob.revision <= self.revision

    def _change(self, setting: Setting, value: Value | None, holder: str, now: float) -> None:
        old = "default" if setting.value is None else repr(setting.value)
        setting.change(value, now)
        log.info(
            "knob changed: holder=%s plugin=%s task=%s job=%s knob=%s old=%s new=%s",
            *(holder, *setting.key.identity, setting.key.name, old),
            "default" if value is None else repr(value),
        )
        self._is_changed = True

    def _send(self, told: ControlledProcess, now: float) -> None:
        identity = told.process.plugin.identity
        if told.identity != identity:
            self._processes.rename(told)
        entries: list[dict[str, Any]] = []
        sent: dict[str, Sent] = {}
        for name, knob in told.knobs.items():
            setting = self.settings.get(KnobKey(identity, name))
            if setting is None or (value := setting.value) is None or not knob.allows(value):
                continue
            seconds = round(setting.until - now, 3)
            if seconds > 0:
                revision, before = setting.revision, told.sent.get(name)
                entry = {"name": name, "value": value, "seconds": seconds, "revision": revision}
                entries.append(entry)
                is_known = before is not None and before.revision == revision
                sent[name] = before if is_known and before else Sent(revision, value, now)
        told.sent = sent
        told.set_number += 1
        message = {"type": "set", "number": told.set_number, "knobs": entries}
        if identity in self.profiles:
            message["stacks"] = True
        told.send(json.encode(message) + b"\n")

    def _blame(self, told: ControlledProcess, at: float) -> None:
        """Suspect the values that a process was sent shortly before it ended badly at ``at``."""
        process, now = told.process, self.clock.monotonic()
        if process.is_child or process.has_parent():
            return
        identity = process.plugin.identity
        for name, sent in told.sent.items():
            key = KnobKey(identity, name)
            setting = self.settings.get(key)
            if setting is None or at - sent.at > SUSPECT_SECONDS:
                continue
            if setting.is_trusted(sent.value, now):
                continue
            suspect = setting.blame(sent.value, now)
            what = "quarantined" if suspect.is_quarantined else "held back"
            log.warning(
                "the plugin ended within %g s of a value, which is %s: plugin=%s task=%s job=%s "
                "knob=%s value=%r",
                *(SUSPECT_SECONDS, what, *identity, name, sent.value),
            )
            self.settle(key, now)
            self._is_changed = True
        self.send([identity], now)
