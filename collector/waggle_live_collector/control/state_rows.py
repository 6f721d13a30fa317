"""The rows of control in the state file, and how they are restored."""

from __future__ import annotations

from typing import Protocol

from waggle_live.wire.knobs import MAX_LEASE

from .control import Control
from .leases import Holder
from .setting import Setting


class State(Protocol):
    """The parts of a state file that concern control."""

    revisions: tuple[int, int] | None
    holders: list[Holder]
    settings: list[Setting]


def holders(control: Control) -> list[Holder]:
    """Return the rows of all holders."""
    found = list(control.leases.holders.values())
    for holder in found:
        holder.rows = list(holder.leases.values())
    return found


def restore(control: Control, state: State, now: float, asleep: float | None) -> None:
    """Restore what was saved. No lease becomes longer.

    ``asleep``: seconds in which the system slept and the clock stood still; None after a reboot.
    All leases end after a reboot, or if control is off now.
    """
    if state.revisions is not None:
        first, last = state.revisions
        control.first, control.revision = min(first, last), last
    keeps = asleep is not None and control.is_on
    latest = now + MAX_LEASE

    def left(until: float) -> float:
        return min(until - (asleep or 0.0), latest)

    for setting in state.settings:
        setting.since, setting.until = min(setting.since, now), left(setting.until)
        setting.recent = [min(at, now) for at in setting.recent]
        for suspect in setting.suspects:
            suspect.at = min(suspect.at, now)
        for trusted in setting.trusted:
            trusted.at = min(trusted.at, now)
        if not keeps:
            setting.value = None
    control.settings.restore(state.settings)
    for holder in state.holders if keeps else ():
        holder.until = left(holder.until)
        for lease in holder.leases.values():
            lease.since, lease.until = min(lease.since, now), min(left(lease.until), holder.until)
        if holder.until > now:
            control.leases.restore(holder)
            control.hold_leases(len(holder.leases))
