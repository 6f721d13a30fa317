"""A knob of a plugin: what its processes report about it, and its setting."""

from __future__ import annotations

from typing import NamedTuple

from waggle_live.wire.knobs import PROFILE

from .leases import KnobKey
from .process import ProcessKnob
from .setting import Setting


class Knob(NamedTuple):
    """A knob. ``told``: the reports of its processes, the newest last."""

    key: KnobKey
    told: list[ProcessKnob]
    setting: Setting | None

    @property
    def newest(self) -> ProcessKnob:
        """The newest report."""
        return self.told[-1]

    @property
    def in_force(self) -> Setting | None:
        """The setting, if a value is in force; else None."""
        return self.setting if self.setting is not None and self.setting.value is not None else None

    @property
    def is_shown(self) -> bool:
        """Whether ``/metrics`` shows it. A reserved knob is shown once it was set."""
        return self.key.name != PROFILE or (self.setting is not None and bool(self.setting.changes))

    def processes(self) -> dict[str, int]:
        """Return how many processes applied the value in force, refused it, or haven't answered."""
        counts = {"applied": 0, "refused": 0, "pending": 0}
        setting = self.in_force
        if setting is not None and setting.value is not None:
            for told in self.told:
                if not told.allows(setting.value) or (
                    told.revision == setting.revision and told.error
                ):
                    counts["refused"] += 1
                else:
                    has_it = told.revision == setting.revision and told.value == setting.value
                    counts["applied" if has_it else "pending"] += 1
        return counts
