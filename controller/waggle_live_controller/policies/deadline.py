"""``DeadlinePolicy``: meets one plugin's deadline by choosing among a ladder of settings.

It knows the cost of each setting. So one measurement shows how slow the machine is now, and what
any other setting would take: waiting + slow-down × cost. It turns down at once and as far as
needed. It turns up one step at a time, after three good periods.
"""

import math
from typing import NamedTuple, Optional, Sequence

from .trial import Trial

#: The least samples for a decision.
MIN_SAMPLES = 10
#: The share of the deadline that a setting may be predicted to take: when turned down to; when
#: turned up to; when turned up to again after a load has gone. The way up is stricter than the way
#: down, so that a setting stays.
MARGIN_DOWN, MARGIN_UP, MARGIN_BACK = 0.85, 0.8, 0.98
#: Periods after which a setting has proven that it meets the deadline.
PROOF_PERIODS = 5
#: Good periods before a step up.
GOOD_PERIODS = 3
#: Turning down is undone for REST seconds if it gains too little for so many periods: less than
#: MIN_GAIN, or less than PROMISED of what the costs promise.
FUTILE_PERIODS, MIN_GAIN, PROMISED, REST = 4, 0.1, 0.2, 60.0
#: If the measured time grew by this factor by itself, the gain is counted anew. If it grew so when
#: turning down was undone, turning down had been useful.
GROWN = 1.15
#: The least factor by which a load that came and went had made everything slower.
LOADED = 1.25
#: A mean of n samples is off by chance by up to CHANCE / sqrt(n) of itself.
CHANCE = 0.4
#: Frames after turning down that may still use the previous setting.
LATE_FRAMES = 2


class Decision(NamedTuple):
    """What a policy decided. Immutable."""

    #: Index of the setting to use, 0 the cheapest.
    setting: int
    changed: bool
    #: Whether it was decided on fresh numbers. A lease is renewed only then.
    fresh: bool
    #: Why, for people to read.
    reason: str


def mean_of_ten(measured: float, samples: int, before: float) -> float:
    """Return the mean of the ten latest samples: fewer than ten now, and the rest from before."""
    return (samples * measured + (MIN_SAMPLES - samples) * before) / MIN_SAMPLES


class DeadlinePolicy:
    """Chooses among settings so that a measured time stays at or below ``deadline`` seconds.

    ``costs``: those of the settings, the cheapest first, in any unit. It begins with the last, the
    dearest. ``waiting``: seconds of the measured time that no setting shortens, such as an answer
    of another machine. ``period``: seconds between decisions. ``settle``: seconds until a change
    shows.

    Raises ValueError for costs that don't rise and times that aren't positive. Not thread-safe.
    """

    def __init__(
        self,
        costs: Sequence[float],
        deadline: float,
        *,
        waiting: float = 0.0,
        period: float = 1.0,
        settle: float = 0.0,
    ) -> None:
        costs = list(costs)
        if not costs or not all(a <= b for a, b in zip([0.0, *costs], costs)) or not costs[0] > 0:
            raise ValueError("costs are positive and rise, the cheapest first, not %r" % (costs,))
        if not (deadline > waiting >= 0 and period > 0 and settle >= 0):
            raise ValueError(
                "deadline and period are more than 0 s, nothing is negative, and waiting"
                " is less than the deadline"
            )
        self.setting = len(costs) - 1
        self._costs = costs
        self._deadline = deadline
        self._period = period
        self._settle = settle
        self._waiting = waiting
        self._no_decision_before = self._rests_until = float("-inf")
        self._good = 0
        #: The last measured or expected time at this setting, and the one before turning down.
        self._latest: Optional[float] = None
        self._before: Optional[float] = None
        #: The factor by which a measurement may be off by chance.
        self._chance = 1.0
        #: Decisions in a row that found this setting good; the slow-down up to which each setting
        #: was good; the greatest slow-down since turning down began.
        self._held = 0
        self._proven = [0.0] * len(costs)
        self._worst = 0.0
        self._trial = Trial(period, settle)
        #: The measured time when turning down began, its cost and when; and the decisions in a row
        #: since that found it useless.
        self._first: Optional[float] = None
        self._first_cost = self._first_at = 0.0
        self._futile = 0
        #: The measured time when turning down was undone, until the result of that is known.
        self._undone: Optional[float] = None

    def decide(self, now: float, measured: Optional[float], samples: int) -> Decision:
        """Decide by the time measured (seconds, over ``samples``) since the last fresh decision.

        ``now``: seconds of any clock that never goes back. ``measured``: a mean or a quantile; None
        if unknown. Raises nothing.
        """
        if measured is None or not measured >= 0 or not self._suffices(measured, samples):
            return self._stay("no decision on %d samples" % samples, fresh=False)
        self._chance = 1 + CHANCE / math.sqrt(samples)
        if now < self._no_decision_before:
            return self._stay("waits until the change shows")
        if now < self._rests_until:
            before, self._undone = self._undone, None
            if before is None or measured <= GROWN * self._chance * before:
                return self._stay("rests, since turning down did not help")
            self._rests_until = now
        if self._before is not None and samples > LATE_FRAMES:
            rest = samples * measured - LATE_FRAMES * self._before
            measured = min(max(rest / (samples - LATE_FRAMES), 0.0), measured)
        self._before = None
        self._worst = max(self._worst, self._slowdown(measured))
        return (self._over if self._is_late(measured) else self._under)(now, measured)

    def predict(self, measured: float, setting: int) -> float:
        """Return the seconds that a setting would take, judging by the present one."""
        waiting = min(self._waiting, measured)
        slowdown = (measured - waiting) / self._costs[self.setting]
        return waiting + slowdown * self._costs[setting]

    def _suffices(self, measured: float, samples: int) -> bool:
        """Tell whether there are enough samples.

        Ten are enough. A plugin that has become slow makes fewer. Fewer also count if the ten
        latest, with those of the last decision, are late.
        """
        if samples >= MIN_SAMPLES:
            return True
        least = 0 if self._before is None else LATE_FRAMES
        if samples <= least or self._latest is None:
            return False
        return mean_of_ten(measured, samples, self._latest) > self._deadline

    def _is_late(self, measured: float) -> bool:
        """Tell whether the deadline is missed, by more than chance or for the second time."""
        if measured <= self._deadline or self._latest is None or self._first is not None:
            return measured > self._deadline
        return max(measured / self._chance, (measured + self._latest) / 2) > self._deadline

    def _slowdown(self, measured: float) -> float:
        return max(measured - self._waiting, 0.0) / self._costs[self.setting]

    def _over(self, now: float, measured: float) -> Decision:
        self._good = 0
        self._trial.miss(now)
        if self._is_futile(now, measured):
            return self._restore(now, measured)
        if self.setting == 0:
            return self._stay("%s, at the cheapest setting" % self._compared(measured))
        within, target = MARGIN_DOWN * self._deadline, self.setting - 1
        if self._first is None:
            self._first, self._first_cost = measured, self._costs[self.setting]
            self._first_at, self._futile, self._worst = now, 0, self._slowdown(measured)
            while target > 0 and self.predict(measured, target) > within:
                target -= 1
        return self._change(now, target, self._compared(measured), measured)

    def _is_futile(self, now: float, measured: float) -> bool:
        """Tell whether turning down has been useless for long enough."""
        if self._first is None:
            return False
        if measured > GROWN * self._chance * self._first:  # the load grew meanwhile
            self._first = None
            return False
        self._futile = 0 if self._has_gained(measured) else self._futile + 1
        # Few samples make few decisions, so the time counts instead.
        enough = (FUTILE_PERIODS - 0.5) * (self._period + self._settle)
        return self._futile >= 2 and now - self._first_at >= enough

    def _has_gained(self, measured: float) -> bool:
        if self._first is None:
            return True
        promised = 1 - self._costs[self.setting] / self._first_cost
        return measured <= (1 - max(MIN_GAIN, PROMISED * promised)) * self._first

    def _under(self, now: float, measured: float) -> Decision:
        if self._has_gained(measured):
            self._first = None
        self._latest = measured
        self._held += 1
        if self._held > PROOF_PERIODS and measured <= self._deadline:
            self._proven[self.setting] = max(self._proven[self.setting], self._slowdown(measured))
        self._trial.meet(now)
        above = min(self.setting + 1, len(self._costs) - 1)
        predicted = self.predict(measured, above)
        if above == self.setting or predicted > self._margin_up(measured) * self._deadline:
            self._good = 0
            return self._stay(self._compared(measured))
        self._good += 1
        if self._good < GOOD_PERIODS or not self._trial.may_begin(now):
            return self._stay(self._compared(measured))
        self._trial.begin(now)
        reason = "%s, and %.1f ms are expected" % (self._compared(measured), predicted * 1e3)
        return self._change(now, above, reason, measured)

    def _margin_up(self, measured: float) -> float:
        proven = self._proven[self.setting + 1]
        gone = self._worst > LOADED * proven and self._slowdown(measured) <= 1.1 * proven
        return MARGIN_BACK if gone else MARGIN_UP

    def _compared(self, measured: float) -> str:
        word = "over" if measured > self._deadline else "within"
        return "%.1f ms, %s %.1f ms" % (measured * 1e3, word, self._deadline * 1e3)

    def _change(self, now: float, setting: int, reason: str, measured: float) -> Decision:
        self._latest = self.predict(measured, setting)
        self._before = measured if setting < self.setting else None
        return self._set(now, setting, reason)

    def _restore(self, now: float, measured: float) -> Decision:
        self._first, self._latest = None, measured
        self._rests_until, self._undone = now + REST, measured
        return self._set(now, len(self._costs) - 1, "turning down did not help: put back")

    def _set(self, now: float, setting: int, reason: str) -> Decision:
        self.setting = setting
        self._good = self._held = 0
        # A poll may come a moment early.
        self._no_decision_before = now + self._settle + 0.9 * self._period
        return Decision(setting, True, True, reason)

    def _stay(self, reason: str, fresh: bool = True) -> Decision:
        return Decision(self.setting, False, fresh, reason)
