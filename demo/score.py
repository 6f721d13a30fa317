"""How a deadline was met, without a controller and with one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from waggle_live_controller.top.figures import NOTHING


class Moment(NamedTuple):
    """What happens at one time of a run."""

    #: Does a controller act?
    acting: bool
    #: Is the load there?
    loaded: bool


def moment(elapsed: float, period: float) -> Moment:
    """Return what happens so many seconds after the start.

    In the first half of each ``period`` nobody acts, in the second half a controller does. The load
    is there from a fifth to four fifths of each half.
    """
    half = elapsed % period * 2 / period
    return Moment(acting=half >= 1, loaded=0.2 <= half % 1 < 0.8)


class Totals:
    """What was measured in one kind of moments."""

    def __init__(self) -> None:
        self.seconds = self.met = 0.0
        self.frames = 0
        self.spent = 0.0

    def add(self, seconds: float, frames: int, spent: float, deadline: float) -> None:
        """Add an interval in which ``frames`` took ``spent`` seconds in all.

        One without a frame is late: whatever ran then did not end within it.
        """
        self.seconds += seconds
        self.frames += frames
        self.spent += spent
        if frames and spent / frames <= deadline:
            self.met += seconds

    @property
    def share(self) -> float | None:
        """The share of the time in which the deadline was met; None if there was no time."""
        return self.met / self.seconds if self.seconds else None


class Score:
    """How well one timer kept to ``deadline`` (seconds), by what happened meanwhile."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self._totals = {Moment(a, b): Totals() for a in (False, True) for b in (False, True)}

    def add(self, now: Moment, seconds: float, frames: int, spent: float) -> None:
        """Add an interval."""
        self._totals[now].add(seconds, frames, spent, self.deadline)

    def of(self, *, acting: bool, loaded: bool | None = None) -> Totals:
        """Return the totals with a controller or without, under load, without load, or of both."""
        both = Totals()
        for now, each in self._totals.items():
            if now.acting is acting and loaded in (None, now.loaded):
                both.seconds += each.seconds
                both.met += each.met
                both.frames += each.frames
                both.spent += each.spent
        return both

    def lines(self) -> list[str]:
        """Return the table of what happened."""
        rows: list[tuple[str, bool | None, Callable[[Totals], str]]] = [
            ("deadline met", None, lambda each: percent(each.share)),
            ("  under load", True, lambda each: percent(each.share)),
            ("mean under load", True, _milliseconds),
            ("frames/s under load", True, _rate),
        ]
        drawn = [f"{'':21}{'without':>10}{'with a controller':>20}"]
        for title, loaded, write in rows:
            cells = [write(self.of(acting=acting, loaded=loaded)) for acting in (False, True)]
            drawn.append(f"{title:21}{cells[0]:>10}{cells[1]:>20}")
        return drawn


def percent(share: float | None) -> str:
    """Write a share, a dash if it isn't known."""
    return NOTHING if share is None else f"{100 * share:.0f} %"


def _milliseconds(totals: Totals) -> str:
    return f"{1000 * totals.spent / totals.frames:.1f} ms" if totals.frames else NOTHING


def _rate(totals: Totals) -> str:
    return f"{totals.frames / totals.seconds:.1f}" if totals.seconds else NOTHING
