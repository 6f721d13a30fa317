"""Brings together what holders want, what processes say, and what is safe.

A holder states its whole will; each second, and whenever something is said, the knobs concerned are
settled: the best lease is put in force unless its value has to wait. Each process of the plugin
is sent all that is in force for it, with the seconds left; it counts them down by itself, so
whatever ends here, no value outlives its lease. Belongs to the event loop; no call waits.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from msgspec import json

from waggle_live.wire.knobs import PROFILE, Value

from ..budget import Account, What
from ..clock import Clock
from ..identity.labels import IdentityLabels
from ..messages import Knobs, Refusal, Stacks
from ..own_metrics import OwnMetrics
from ..table.costs import KNOB_LINES, line, text
from ..table.exits import ERROR
from ..table.process import Process
from ..table.processes import Processes
from ..table.table import DEFAULT_MAX_LINES, DEFAULT_MAX_TEXT
from .leases import KnobKey, Leases
from .profile import Profile
from .setting import SET, SUSPECT_SECONDS, Setting
from .told import Sent, Told, ToldProcess

log = logging.getLogger(__name__)

#: Bytes that a setting takes, and that a lease takes, with their rows of the state.
SETTING_BYTES, LEASE_BYTES = 2000, 1200
#: Who pays for leases.
PRINCIPAL = "control"
#: The first revision is drawn from so many: a process may still have one of a collector that
#: forgot all.
REVISIONS = 1 << 40


class Knob(NamedTuple):
    """A knob of a plugin: what its processes told, the newest last, and what it is set to."""

    key: KnobKey
    told: list[Told]
    setting: Setting | None

    @property
    def newest(self) -> Told:
        """What the process told that spoke last."""
        return self.told[-1]

    @property
    def in_force(self) -> Setting | None:
        """Its setting, if a value is in force."""
        return self.setting if self.setting is not None and self.setting.value is not None else None

    @property
    def is_shown(self) -> bool:
        """A reserved knob is shown from when somebody sets it."""
        return self.key.name != PROFILE or (self.setting is not None and bool(self.setting.changes))

    def processes(self) -> dict[str, int]:
        """Return how many processes took the value in force, refused it, or said nothing yet."""
        counts = {"applied": 0, "refused": 0, "pending": 0}
        setting = self.in_force
        if setting is not None and setting.value is not None:
            for told in self.told:
                if not told.allows(setting.value):
                    counts["refused"] += 1
                elif told.revision != setting.revision:
                    counts["pending"] += 1
                else:
                    counts["refused" if told.error else "applied"] += 1
        return counts


class Control:
    """``is_on``: orders are taken; otherwise all of it only tells. ``changed`` has it saved soon."""

    def __init__(
        self, *, processes: Processes, own: OwnMetrics, clock: Clock, is_on: bool = False
    ) -> None:
        self.is_on = is_on
        self.clock = clock
        self.leases = Leases()
        self.settings: dict[KnobKey, Setting] = {}
        self.profiles: dict[IdentityLabels, Profile] = {}
        self.changed: Callable[[], None] = lambda: None
        #: The first and the last revision that was drawn.
        self.first = self.revision = secrets.randbelow(REVISIONS) + 1
        self._own = own
        self._processes, self._table = processes, processes.table
        self._budget = self._table.budget
        #: By the id of their process.
        self._told: dict[str, ToldProcess] = {}
        #: Those whose connection ended soon after a change, and when.
        self._vanished: dict[str, tuple[ToldProcess, float]] = {}
        #: What has to wait.
        self._waiting: set[KnobKey] = set()

    # -- what plugins say ---------------------------------------------------------------------

    def take(
        self,
        process: Process,
        message: Knobs,
        send: Callable[[bytes], None],
        refusals: list[Refusal],
    ) -> None:
        """A process told its knobs; what is wrong with them is added to ``refusals``.

        ``send`` queues a line to it, and is the same one as long as its connection lasts.
        """
        now = self.clock.monotonic()
        told = self._told.get(process.id)
        if told is None or told.send != send:
            told = self._new(process, send, told)
        self._show(told, -1)
        is_new = told.take(message, now, refusals)
        if is_new and self._is_crowded(told):
            refusals.append(Refusal("budget", "a scrape has no more room for knobs"))
            told.knobs = {}
            told.account.hold(What.SERIES, 0)
        self._show(told, 1)
        self._table.version += 1
        if not is_new:
            return
        identity = process.plugin.identity
        for name, knob in told.knobs.items():
            if knob.slept is not None:
                setting = self._setting(KnobKey(identity, name), process.principal)
                if setting is not None:
                    setting.sleep(process.id, knob.slept)
        if any(self._is_behind(told, name, knob) for name, knob in told.knobs.items()):
            self._send(told, now)

    def take_stacks(self, process: Process, message: Stacks) -> None:
        """A process told stacks; those that nobody asked for are ignored."""
        identity = process.plugin.identity
        profile = self.profiles.get(identity)
        if profile is not None and message.revision in profile.revisions:
            profile.take(process.id, message.stacks, self._account(process, "stacks"))

    def left(self, process: Process, send: Callable[[bytes], None]) -> None:
        """The connection of a process ended without ``bye``: call it before the table knows."""
        told = self._told.get(process.id)
        if told is None or told.send != send:
            return
        self._part(told)
        now = self.clock.monotonic()
        if any(now - sent.at <= SUSPECT_SECONDS for sent in told.sent.values()):
            self._vanished[process.id] = told, now

    def ended(self, process: Process, status: str) -> None:
        """A process said ``bye``: call it before the table knows."""
        told, _ = self._vanished.pop(process.id, (None, 0.0))
        if process.id in self._told:
            told = self._told[process.id]
            self._part(told)
        if told is not None and status == ERROR:
            self._blame(told, self.clock.monotonic())

    # -- what is in force ---------------------------------------------------------------------

    def knob(self, key: KnobKey) -> Knob | None:
        """Return a knob, None if no connected process has it."""
        told = self._of(key.identity)
        found = [each.knobs[key.name] for each in told if key.name in each.knobs]
        return Knob(key, found, self.settings.get(key)) if found else None

    def knobs(self) -> Iterator[Knob]:
        """Yield the knobs of all plugins that are shown."""
        for plugin in list(self._table.shown(self.clock.monotonic())):
            told = self._of(plugin.identity)
            names = dict.fromkeys(name for each in told for name in each.knobs)
            for name in names:
                key = KnobKey(plugin.identity, name)
                found = [each.knobs[name] for each in told if name in each.knobs]
                yield Knob(key, found, self.settings.get(key))

    def setting_for(self, key: KnobKey) -> Setting | None:
        """Return the setting of a knob that is to be set, a new one if need be.

        None if there is no such knob, or no room.
        """
        told = self._of(key.identity)
        return self._setting(key, told[-1].process.principal) if told else None

    def settle(self, key: KnobKey, now: float) -> str:
        """Put in force what is to be now; return why what is wanted has to wait, or ""."""
        setting, best = self.settings.get(key), self.leases.best(key)
        self._waiting.discard(key)
        if setting is None:
            return ""
        before, why = setting.value, ""
        if best is not None:
            holder, lease = best
            is_same = before is not None and lease.value == before
            why = "" if is_same and not setting.suspect(lease.value, now) else (
                setting.held_back(lease.value, now)
            )
            if not why:
                setting.until = lease.until
                if not is_same:
                    self.revision += 1
                    setting.revision = self.revision
                    self._change(setting, lease.value, holder.name, now)
                setting.holder = holder.name
                return ""
            self._waiting.add(key)
        if before is not None and (
            now >= setting.until
            or self.leases.of(key, setting.holder) is None
            or setting.suspect(before, now)
        ):
            self._change(setting, None, setting.holder, now)
        return why

    def send(self, identities: Iterable[IdentityLabels], now: float) -> None:
        """Send what is in force to all processes of some plugins."""
        for identity in identities:
            for told in self._of(identity):
                self._send(told, now)
        self._own.leases.set(self.leases.count)
        self._table.version += 1

    def hold_leases(self, more: int) -> bool:
        """Hold so many leases more, or less; False if there is no room."""
        account = self._budget.account(PRINCIPAL, "leases")
        size = account.own(What.SERIES) + more * LEASE_BYTES
        return account.hold(What.SERIES, max(size, 0))

    def tick(self) -> None:
        """Look what is over its time; call about once a second."""
        now = self.clock.monotonic()
        self._watch(now)
        over = self.leases.expire(now)
        self.hold_leases(-len(over))
        self._own.lease_expirations.inc(len(over))
        due = {*over, *self._waiting}
        due.update(
            key for key, each in self.settings.items() if each.value is not None and now >= each.until
        )
        moved = set()
        for key in due:
            before = self.settings[key].value if key in self.settings else None
            self.settle(key, now)
            if key in self.settings and self.settings[key].value != before:
                moved.add(key.identity)
        self.send(moved, now)
        for told in self._told.values():
            if told.identity != told.process.plugin.identity:  # its pod was looked up
                self._send(told, now)
        self._forget()

    def restore(self, settings: Iterable[Setting]) -> None:
        """Take in settings of the state file, room or no room."""
        for setting in settings:
            self.settings[setting.key] = setting
            self._budget.account(setting.principal, "knobs").take(What.SERIES, SETTING_BYTES)

    # -- its own ------------------------------------------------------------------------------

    def _of(self, identity: IdentityLabels) -> list[ToldProcess]:
        """Return the processes of a plugin that told their knobs; who spoke last is the last."""
        plugin = self._table.plugins.get(identity)
        if plugin is None:
            return []
        found = [self._told[each] for each in plugin.processes if each in self._told]
        if len(found) > 1:
            found.sort(key=lambda each: each.at)
        return found

    def _new(
        self, process: Process, send: Callable[[bytes], None], before: ToldProcess | None
    ) -> ToldProcess:
        """Return what is known of a process that speaks for the first time on its connection."""
        if before is not None:
            self._part(before)
        returned, _ = self._vanished.pop(process.id, (before, 0.0))
        told = ToldProcess(process, send, self._account(process, "knobs"))
        if returned is not None:
            told.sent = returned.sent
        else:
            identity, now = process.plugin.identity, self.clock.monotonic()
            for each, _ in list(self._vanished.values()):
                if each.process.plugin.identity == identity:
                    del self._vanished[each.process.id]
                    self._blame(each, now, began=True)
        self._told[process.id] = told
        return told

    def _account(self, process: Process, name: str) -> Account:
        """Return an account below that of a process; it is closed with that."""
        parent = process.account.parent
        assert parent is not None
        return self._budget.account(process.principal, parent.name, process.id, name)

    def _part(self, told: ToldProcess) -> None:
        self._show(told, -1)
        self._told.pop(told.process.id, None)
        told.account.close()
        self._table.version += 1

    def _show(self, told: ToldProcess, sign: int) -> None:
        """Count the lines of a scrape that a process's knobs make."""
        lines = sign * told.shown * KNOB_LINES
        self._table.count_lines(lines, line(text(told.identity)))

    def _is_crowded(self, told: ToldProcess) -> bool:
        table = self._table
        full = table.lines >= DEFAULT_MAX_LINES or table.text >= DEFAULT_MAX_TEXT
        return full and not self._budget.within_reserve(told.account)

    def _is_behind(self, told: ToldProcess, name: str, knob: Told) -> bool:
        """Tell whether a process has something else than what is in force for it.

        What a collector set that forgot it is left to the process's own count.
        """
        setting = self.settings.get(KnobKey(told.process.plugin.identity, name))
        if setting is not None and setting.value is not None and knob.allows(setting.value):
            sent = told.sent.get(name)
            has = knob.revision == setting.revision or (
                sent is not None and sent.revision == setting.revision
            )
            return not has
        return knob.source == SET and self.first <= knob.revision <= self.revision

    def _setting(self, key: KnobKey, principal: str) -> Setting | None:
        setting = self.settings.get(key)
        if setting is None:
            account = self._budget.account(principal, "knobs")
            if not account.hold(What.SERIES, account.own(What.SERIES) + SETTING_BYTES):
                return None
            setting = self.settings[key] = Setting(key, principal)
        return setting

    def _change(self, setting: Setting, value: Value | None, holder: str, now: float) -> None:
        old = "default" if setting.value is None else repr(setting.value)
        setting.change(value, now)
        log.info(
            "knob changed: holder=%s plugin=%s task=%s job=%s knob=%s old=%s new=%s",
            *(holder, *setting.key.identity, setting.key.name, old),
            "default" if value is None else repr(value),
        )
        self.changed()

    def _send(self, told: ToldProcess, now: float) -> None:
        identity = told.process.plugin.identity
        if told.identity != identity:
            self._show(told, -1)
            told.identity = identity
            self._show(told, 1)
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

    def _watch(self, now: float) -> None:
        """Look what became of those whose connection ended."""
        for process_id, (told, _) in list(self._vanished.items()):
            process = self._processes.by_id.get(process_id)
            if process is not told.process:
                del self._vanished[process_id]
                if told.process.expired:  # it was lost
                    self._blame(told, now)

    def _blame(self, told: ToldProcess, now: float, *, began: bool = False) -> None:
        """A process ended as it should not: suspect what it was sent just before."""
        process = told.process
        if process.is_child or process.has_parent():
            return
        at = process.left_at if process.expired or began else now
        identity = process.plugin.identity
        for name, sent in told.sent.items():
            key = KnobKey(identity, name)
            setting = self.settings.get(key)
            if setting is None or at - sent.at > SUSPECT_SECONDS:
                continue
            suspect = setting.blame(sent.value, now)
            what = "quarantined" if suspect.is_quarantined else "held back"
            log.warning(
                "the plugin ended within %g s of a value, which is %s: plugin=%s task=%s job=%s "
                "knob=%s value=%r",
                *(SUSPECT_SECONDS, what, *identity, name, sent.value),
            )
            self.settle(key, now)
            self.changed()
        self.send([identity], now)

    def _forget(self) -> None:
        """Forget the settings of plugins that have left; what is quarantined stays."""
        known = {process.id for process in self._processes.all()}
        for key, setting in list(self.settings.items()):
            setting.fold(known)
            if key.identity not in self._table.plugins and setting.value is None:
                setting.suspects = [each for each in setting.suspects if each.is_quarantined]
                setting.changes, setting.slept_before = {}, 0.0
            if setting.is_empty and self.leases.best(key) is None:
                del self.settings[key]
                account = self._budget.account(setting.principal, "knobs")
                account.take(What.SERIES, -SETTING_BYTES)

