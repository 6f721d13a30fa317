"""A knob of a plugin: what its processes told of it, and what it is set to."""

from __future__ import annotations

from typing import NamedTuple

from waggle_live.wire.knobs import PROFILE

from .leases import KnobKey
from .process import ProcessKnob
from .setting import Setting


class Knob(NamedTuple):
    """``told``: by its processes, the one that spoke last is the last."""

    key: KnobKey
    told: list[ProcessKnob]
    setting: Setting | None

    @property
    def newest(self) -> ProcessKnob:
        """What the process told that spoke last."""
        return self.told[-1]

    @property
    def in_force(self) -> Setting | None:
        """Its setting, if a value is in force."""
        return self.setting if self.setting is not None and self.setting.value is not None else None

    @property
    def is_shown(self) -> bool:
        """Does ``/metrics`` show it? A reserved one is shown from when somebody sets it."""
        return self.key.name != PROFILE or (self.setting is not None and bool(self.setting.changes))

    def processes(self) -> dict[str, int]:
        """Return how many processes took the value in force, refused it, or said nothing yet."""
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
