"""``DeadlinePolicy``: holds one plugin's deadline by turning one ladder of settings.

It knows what each setting costs, so one measurement says how slow the machine is now, and with it
what any other setting would take: waiting + slow-down × cost. Turning down happens at once and as
far as needed; turning up one step at a time, after three good periods.
"""

import math
from typing import NamedTuple, Optional, Sequence

#: No decision on fewer samples.
MIN_SAMPLES = 10
#: A setting is predicted to take at most this share of the deadline: where it is turned down
#: to, where it is turned up to, and where it is turned up to again since it had met the deadline
#: before a load came that has gone. Less on the way up than on the way down, so that it stays.
MARGIN_DOWN, MARGIN_UP, MARGIN_BACK = 0.85, 0.8, 0.98
#: Periods after which a setting has proven that it meets the deadline.
PROOF_PERIODS = 5
#: Good periods before a step up.
GOOD_PERIODS = 3
#: Periods after a step up within which a missed deadline means that the step was wrong.
TRIAL_PERIODS = 30
#: Periods until the next try after the first step up that was wrong, which doubles; its bound in
#: seconds.
FIRST_BACKOFF, MAX_BACKOFF = 5, 60.0
#: Turning down that for so many periods gains less than MIN_GAIN, or than PROMISED of what the
#: costs promise, is undone for REST seconds.
FUTILE_PERIODS, MIN_GAIN, PROMISED, REST = 4, 0.1, 0.2, 60.0
#: What is measured grew by so much without our doing: what was gained is counted anew. And if it
#: grew so when turning down was undone, that had been of use.
GROWN = 1.15
#: A load that came and went made all slower by so much at least.
LOADED = 1.25
#: A mean of n samples is off by chance by up to CHANCE / sqrt(n) of itself.
CHANCE = 0.4
#: Frames after turning down that may still be of the setting before.
LATE_FRAMES = 2


class Decision(NamedTuple):
    """What a policy decided."""

    #: Index of the setting to use, 0 the cheapest.
    setting: int
    changed: bool
    #: Was it decided on fresh numbers? A lease is renewed only then.
    fresh: bool
    #: For people.
    reason: str


def mean_of_ten(measured: float, samples: int, before: float) -> float:
    """Return the mean of fewer than ten samples, and as many of those before them as they lack."""
    return (samples * measured + (MIN_SAMPLES - samples) * before) / MIN_SAMPLES


class DeadlinePolicy:
    """Chooses among settings that take ``costs`` (cheapest first, in any unit) so that what is
    measured stays at or below ``deadline`` (seconds). It begins with the last, the dearest.

    ``waiting``: seconds of what is measured that no setting shortens, such as an answer of another
    machine. ``period``: seconds between decisions. ``settle``: seconds until a change shows. Raises
    ValueError for costs that don't rise and times that aren't positive. Not thread-safe.
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
        self._no_decision_before = self._no_raise_before = self._rests_until = float("-inf")
        self._good = 0
        #: What was measured last, or is expected, at this setting; and before it was turned down.
        self._latest: Optional[float] = None
        self._before: Optional[float] = None
        #: By how much more than nothing a measurement may be off by chance.
        self._chance = 1.0
        #: Decisions in a row that found this setting good; up to which slow-down each one was; and
        #: the greatest slow-down since turning down began.
        self._held = 0
        self._proven = [0.0] * len(costs)
        self._worst = 0.0
        self._backoff = 0.0
        #: Until when a missed deadline means that the latest step up was wrong.
        self._trial_until: Optional[float] = None
        #: What was measured when turning down began, at what cost and when; and how many decisions
        #: in a row since found that it was of no use.
        self._first: Optional[float] = None
        self._first_cost = self._first_at = 0.0
        self._futile = 0
        #: What was measured when turning down was undone, until it is known what that led to.
        self._undone: Optional[float] = None

    def decide(self, now: float, measured: Optional[float], samples: int) -> Decision:
        """Decide by what was measured (seconds, of ``samples``) since the last fresh decision.

        ``now``: seconds of any clock that never goes back. ``measured``: a mean or a quantile;
        None if it isn't known.
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
        """Return the seconds that a setting would take, by what the present one takes."""
        waiting = min(self._waiting, measured)
        slowdown = (measured - waiting) / self._costs[self.setting]
        return waiting + slowdown * self._costs[setting]

    def _suffices(self, measured: float, samples: int) -> bool:
        """Are there ten samples? A plugin that has become slow makes fewer. Then it is turned down
        if the ten latest are late: these, and those of the last decision."""
        if samples >= MIN_SAMPLES:
            return True
        least = 0 if self._before is None else LATE_FRAMES
        if samples <= least or self._latest is None:
            return False
        return mean_of_ten(measured, samples, self._latest) > self._deadline

    def _is_late(self, measured: float) -> bool:
        """Is the deadline missed, by more than chance or for the second time?"""
        if measured <= self._deadline or self._latest is None or self._first is not None:
            return measured > self._deadline
        return max(measured / self._chance, (measured + self._latest) / 2) > self._deadline

    def _slowdown(self, measured: float) -> float:
        return max(measured - self._waiting, 0.0) / self._costs[self.setting]

    def _over(self, now: float, measured: float) -> Decision:
        self._good = 0
        if self._trial_until is not None and now <= self._trial_until:
            self._trial_until = None
            first = FIRST_BACKOFF * self._period
            self._backoff = min(max(2 * self._backoff, first), MAX_BACKOFF)
            self._no_raise_before = now + self._backoff
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
        """Has turning down been of no use for long enough?"""
        if self._first is None:
            return False
        if measured > GROWN * self._chance * self._first:  # the load grew meanwhile
            self._first = None
            return False
        self._futile = 0 if self._has_gained(measured) else self._futile + 1
        # Few samples make few decisions, so there the time counts.
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
        if self._trial_until is not None and now > self._trial_until:
            self._backoff, self._trial_until = 0.0, None  # the step up was right
        above = min(self.setting + 1, len(self._costs) - 1)
        predicted = self.predict(measured, above)
        if above == self.setting or predicted > self._margin_up(measured) * self._deadline:
            self._good = 0
            return self._stay(self._compared(measured))
        self._good += 1
        if self._good < GOOD_PERIODS or now < self._no_raise_before:
            return self._stay(self._compared(measured))
        self._trial_until = now + TRIAL_PERIODS * self._period + self._settle
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
