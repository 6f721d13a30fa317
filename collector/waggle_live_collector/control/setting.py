"""The setting of a plugin's knob, with what keeps it safe.

A value is held back if the plugin ended shortly after it, and quarantined if that happens again. A
knob changes at most once a second and twelve times a minute. Belongs to the event loop.
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

#: The least seconds between two changes of a knob, and the most changes in a minute.
CHANGE_SECONDS, MINUTE, CHANGES_A_MINUTE = 1.0, 60.0, 12
#: A value is suspected if the plugin ends within this many seconds of it.
SUSPECT_SECONDS = 10.0
#: Seconds that a value is trusted after a process ran with it for over ``SUSPECT_SECONDS``.
TRUST_SECONDS = 600.0
#: Seconds that a suspected value is held back, and within which a second end quarantines it.
HOLD_BACK_SECONDS, AGAIN_SECONDS = 5.0, 600.0
#: The most suspected values of a knob. The oldest that isn't quarantined is dropped first.
MAX_SUSPECTS = 32

#: The most entries of a list in a row that is read. We never write as many.
MAX_ROWS = 1000
Slept = Annotated[float, Meta(ge=0, le=1e18)]
#: Bytes of a setting, including its row in the state file.
SETTING_BYTES = 2000

#: The labels of changes: to a value that was set, or to the default.
CHANGES = (SET, DEFAULT)


class Suspect(Struct, array_like=True):
    """A value after which the plugin ended. A row of the state file."""

    value: Value
    #: The monotonic time of the last such end.
    at: Seconds
    is_quarantined: bool = False


class Trusted(Struct, array_like=True):
    """A value with which a process ran for long, last at the monotonic ``at``."""

    value: Value
    at: Seconds


class Setting(Struct, array_like=True, eq=False):
    """The setting of a knob. A row of the state file. Times are monotonic."""

    key: KnobKey
    #: Who pays for it, see ``budget.py``.
    principal: str = UNKNOWN
    #: The value in force, None for the default; below, its holder, and the end of its lease.
    value: Value | None = None
    holder: str = ""
    until: Seconds = 0.0
    #: The revision of the last value that was put in force.
    revision: Whole = 0
    since: Seconds = 0.0
    #: How often the knob changed since the plugin is known, by :data:`CHANGES`.
    changes: dict[str, Whole] = {}
    #: The times of the changes in the last minute.
    recent: Annotated[list[Seconds], Meta(max_length=MAX_ROWS)] = []
    suspects: Annotated[list[Suspect], Meta(max_length=MAX_ROWS)] = []
    #: Seconds slept by known processes, by id, and by all others.
    slept: dict[str, Slept] = {}
    slept_before: Slept = 0.0
    trusted: Annotated[list[Trusted], Meta(max_length=MAX_ROWS)] = []

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to keep."""
        return (
            self.value is None
            and not self.changes
            and not self.suspects
            and not self.slept
            and not self.slept_before
        )

    @property
    def quarantined(self) -> list[Value]:
        """The quarantined values."""
        return [each.value for each in self.suspects if each.is_quarantined]

    def is_over(self, now: float) -> bool:
        """Tell whether the lease of the value in force is over."""
        return self.value is not None and now >= self.until

    def slept_seconds(self) -> float | None:
        """Return the seconds that all processes have slept; None if it is no pace."""
        if not self.slept and not self.slept_before:
            return None
        return self.slept_before + sum(self.slept.values())

    def sleep(self, process_id: str, seconds: float) -> None:
        """Note how many seconds a process has slept in all."""
        self.slept[process_id] = max(seconds, self.slept.get(process_id, 0.0))

    def fold(self, known: Collection[str]) -> None:
        """Add up the sleep of processes that are no longer known."""
        for process_id in [each for each in self.slept if each not in known]:
            self.slept_before += self.slept.pop(process_id)

    def change(self, value: Value | None, now: float) -> None:
        """Put a value in force, or the default."""
        self.value, self.since = value, now
        source = DEFAULT if value is None else SET
        self.changes[source] = self.changes.get(source, 0) + 1
        self.recent = [at for at in self.recent if now - at < MINUTE] + [now]

    def held_back(self, value: Value, now: float) -> tuple[str, float]:
        """Return the rule by which a value must wait, and until when; "" if it needn't wait."""
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
        """Return the entry of a value that is held back or quarantined now; None for others."""
        for each in self.suspects:
            if each.value == value and (each.is_quarantined or now - each.at < HOLD_BACK_SECONDS):
                return each
        return None

    def trust(self, value: Value, now: float) -> bool:
        """Note that a process has run with a value for long. Return whether that is news."""
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
        """Note that the plugin ended after a value. Hold it back, the second time for good."""
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
        """Remove values (None: all) from quarantine. Return False if none was in it."""
        kept = [each for each in self.suspects if values is not None and each.value not in values]
        cleared = any(each.is_quarantined for each in self.suspects if each not in kept)
        self.suspects = kept
        return cleared


class Settings(dict[KnobKey, Setting]):
    """All settings by knob. Their bytes are held in the budget."""

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
        """Take in settings of the state file, without asking for room."""
        for setting in settings:
            self[setting.key] = setting
            self._budget.account(setting.principal, "knobs").take(What.SERIES, SETTING_BYTES)

    def forget(
        self, plugins: Collection[IdentityLabels], known: Collection[str], wanted: Leases
    ) -> None:
        """Forget the settings of plugins that have left, except quarantined values.

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
