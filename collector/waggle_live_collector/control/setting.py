"""The setting of a plugin's knob, and what is remembered of it for safety.

A value that may have ended the plugin is held back, and quarantined at the second time. A knob
changes at most once a second and twelve times a minute. Belongs to the event loop.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Annotated

from msgspec import Meta, Struct

from waggle_live.wire.knobs import DEFAULT, SET, Value

from ..budget import UNKNOWN, Budget, What
from ..clock import Seconds
from ..identity.labels import IdentityLabels
from ..messages import Whole
from .leases import KnobKey, Leases

#: Seconds between two changes of a knob, and how many of them a minute may have.
CHANGE_SECONDS, MINUTE, CHANGES_A_MINUTE = 1.0, 60.0, 12
#: A value is suspected if the plugin ends within so many seconds of it.
SUSPECT_SECONDS = 10.0
#: Seconds for which a value is trusted once a process ran with it for longer than that.
TRUST_SECONDS = 600.0
#: Seconds for which it is held back then, and within which a second time counts.
HOLD_BACK_SECONDS, AGAIN_SECONDS = 5.0, 600.0
#: Suspected values of a knob that are remembered; the oldest that isn't quarantined goes first.
MAX_SUSPECTS = 32

#: More of anything is none of ours.
MAX_ROWS = 1000
Slept = Annotated[float, Meta(ge=0, le=1e18)]
#: Bytes that a setting takes with its row of the state.
SETTING_BYTES = 2000

#: What a change was to: a value that was set, or the default.
CHANGES = (SET, DEFAULT)


class Suspect(Struct, array_like=True):
    """A value after which the plugin ended; a row of the state file."""

    value: Value
    #: Monotonic time of the last such end.
    at: Seconds
    is_quarantined: bool = False


class Trusted(Struct, array_like=True):
    """A value that a process ran with for long, the last time at ``at``."""

    value: Value
    at: Seconds


class Setting(Struct, array_like=True, eq=False):
    """A row of the state file. Times are monotonic."""

    key: KnobKey
    #: Who pays for it, see ``budget.py``.
    principal: str = UNKNOWN
    #: What is in force, None for the default; whose lease it is, and until when it lasts.
    value: Value | None = None
    holder: str = ""
    until: Seconds = 0.0
    #: Of the last value that was put in force.
    revision: Whole = 0
    since: Seconds = 0.0
    #: How often it was changed since the plugin is known, by :data:`CHANGES`.
    changes: dict[str, Whole] = {}
    #: Times of the changes of the last minute.
    recent: Annotated[list[Seconds], Meta(max_length=MAX_ROWS)] = []
    suspects: Annotated[list[Suspect], Meta(max_length=MAX_ROWS)] = []
    #: Seconds slept by processes that are known, by id, and by all others.
    slept: dict[str, Slept] = {}
    slept_before: Slept = 0.0
    trusted: Annotated[list[Trusted], Meta(max_length=MAX_ROWS)] = []

    @property
    def is_empty(self) -> bool:
        """Is there nothing to remember?"""
        return (
            self.value is None
            and not self.changes
            and not self.suspects
            and not self.slept
            and not self.slept_before
        )

    @property
    def quarantined(self) -> list[Value]:
        """The values that are quarantined."""
        return [each.value for each in self.suspects if each.is_quarantined]

    def is_over(self, now: float) -> bool:
        """Is a value in force whose time is over?"""
        return self.value is not None and now >= self.until

    def slept_seconds(self) -> float | None:
        """Return how long all processes have slept, None of a knob that nobody sleeps for."""
        if not self.slept and not self.slept_before:
            return None
        return self.slept_before + sum(self.slept.values())

    def sleep(self, process_id: str, seconds: float) -> None:
        """A process has slept so long in all."""
        self.slept[process_id] = max(seconds, self.slept.get(process_id, 0.0))

    def fold(self, known: Collection[str]) -> None:
        """Add up what processes slept that are known no more."""
        for process_id in [each for each in self.slept if each not in known]:
            self.slept_before += self.slept.pop(process_id)

    def change(self, value: Value | None, now: float) -> None:
        """Put a value in force, or the default."""
        self.value, self.since = value, now
        source = DEFAULT if value is None else SET
        self.changes[source] = self.changes.get(source, 0) + 1
        self.recent = [at for at in self.recent if now - at < MINUTE] + [now]

    def held_back(self, value: Value, now: float) -> tuple[str, float]:
        """Return the rule by which a value must wait, "" where it need not; and until when."""
        suspect = self.suspect(value, now)
        if suspect is not None:
            rule = "the plugin ended after this value; it is held back for {:g} s"
            return rule.format(HOLD_BACK_SECONDS), suspect.at + HOLD_BACK_SECONDS
        recent = [at for at in self.recent if now - at < MINUTE]
        if recent and now - recent[-1] < CHANGE_SECONDS:
            rule = "a knob changes at most once a second; the value is held back"
            return rule, recent[-1] + CHANGE_SECONDS
        if len(recent) >= CHANGES_A_MINUTE:
            rule = "a knob changes at most {} times a minute; the value is held back"
            return rule.format(CHANGES_A_MINUTE), recent[-CHANGES_A_MINUTE] + MINUTE
        return "", now

    def suspect(self, value: Value, now: float) -> Suspect | None:
        """Return why a value may not be in force now: one that is suspected, or quarantined."""
        for each in self.suspects:
            if each.value == value and (each.is_quarantined or now - each.at < HOLD_BACK_SECONDS):
                return each
        return None

    def trust(self, value: Value, now: float) -> bool:
        """A process has run with a value for long; return whether that is news."""
        for each in self.trusted:
            if each.value == value:
                each.at = now
                return False
        self.trusted = [each for each in self.trusted if now - each.at < TRUST_SECONDS]
        self.trusted.append(Trusted(value, now))
        return True

    def is_trusted(self, value: Value, now: float) -> bool:
        """Tell whether a process has lately run with a value for long."""
        return any(each.value == value and now - each.at < TRUST_SECONDS for each in self.trusted)

    def blame(self, value: Value, now: float) -> Suspect:
        """The plugin ended after a value: hold it back, the second time for good."""
        for each in self.suspects:
            if each.value == value:
                again = now - each.at < AGAIN_SECONDS
                each.at, each.is_quarantined = now, each.is_quarantined or again
                return each
        if len(self.suspects) >= MAX_SUSPECTS:
            del self.suspects[min(range(len(self.suspects)), key=self._rank)]
        self.suspects.append(Suspect(value, now))
        return self.suspects[-1]

    def _rank(self, index: int) -> tuple[bool, float]:
        each = self.suspects[index]
        return each.is_quarantined, each.at

    def clear(self, values: Collection[Value] | None) -> bool:
        """Take some values, or all, out of quarantine; False if none was in it."""
        kept = [each for each in self.suspects if values is not None and each.value not in values]
        cleared = any(each.is_quarantined for each in self.suspects if each not in kept)
        self.suspects = kept
        return cleared


class Settings(dict[KnobKey, Setting]):
    """All of them, held in the budget."""

    def __init__(self, budget: Budget) -> None:
        super().__init__()
        self._budget = budget

    def make(self, key: KnobKey, principal: str, *, room: bool) -> Setting | None:
        """Return the setting of a knob, a new one if need be; None if there is no ``room``."""
        setting = self.get(key)
        if setting is None:
            account = self._budget.account(principal, "knobs")
            if room:
                account.take(What.SERIES, SETTING_BYTES)
            elif not account.hold(What.SERIES, account.own(What.SERIES) + SETTING_BYTES):
                return None
            setting = self[key] = Setting(key, principal)
        return setting

    def restore(self, settings: Iterable[Setting]) -> None:
        """Take in settings of the state file, room or no room."""
        for setting in settings:
            self[setting.key] = setting
            self._budget.account(setting.principal, "knobs").take(What.SERIES, SETTING_BYTES)

    def forget(
        self, plugins: Collection[IdentityLabels], known: Collection[str], wanted: Leases
    ) -> None:
        """Forget those of plugins that have left; what is quarantined stays.

        ``known``: the ids of all processes.
        """
        for key, setting in list(self.items()):
            setting.fold(known)
            if key.identity not in plugins and setting.value is None:
                setting.suspects = [each for each in setting.suspects if each.is_quarantined]
                setting.changes, setting.slept_before, setting.trusted = {}, 0.0, []
            if setting.is_empty and wanted.best(key) is None:
                del self[key]
                account = self._budget.account(setting.principal, "knobs")
                account.take(What.SERIES, -SETTING_BYTES)
