"""``DeadlinePolicy``: holds one plugin's deadline by turning one ladder of settings.

It knows what each setting costs, so one measurement says how slow the machine is now, and with it
what any other setting would take: waiting + slow-down × cost. Turning down happens at once and as
far as needed; turning up one step at a time, after three good periods.
"""

from typing import NamedTuple, Optional, Sequence

from .trial import Trial

#: No decision on fewer samples.
MIN_SAMPLES = 10
#: A setting is chosen only if it is predicted to take at most this share of the deadline: less on
#: the way down, where one measurement decides.
MARGIN_DOWN, MARGIN_UP = 0.8, 0.9
#: Good periods before a step up.
GOOD_PERIODS = 3
#: Turning down that for so many periods gains less than MIN_GAIN, or than PROMISED of what the
#: costs promise, is undone for REST seconds.
FUTILE_PERIODS, MIN_GAIN, PROMISED, REST = 4, 0.1, 0.2, 60.0
#: What is measured grew by so much without our doing: what was gained is counted anew. And if it
#: grew so when turning down was undone, that had been of use.
GROWN = 1.25


class Decision(NamedTuple):
    """What a policy decided."""

    #: Index of the setting to use, 0 the cheapest.
    setting: int
    changed: bool
    #: Was it decided on fresh numbers? A lease is renewed only then.
    fresh: bool
    #: For people.
    reason: str


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
        if not costs or not all(a <= b for a, b in zip([0.0, *costs], costs)) or not costs[0] > 0:
            raise ValueError("costs are positive and rise, the cheapest first, not %r" % (costs,))
        if not (deadline > waiting >= 0 and period > 0 and settle >= 0):
            raise ValueError(
                "deadline and period are more than 0 s, nothing is negative, and waiting"
                " is less than the deadline"
            )
        self.setting = len(costs) - 1
        self._costs = list(costs)
        self._deadline = deadline
        self._period = period
        self._settle = settle
        self._waiting = waiting
        self._no_decision_before = self._rests_until = float("-inf")
        self._good = 0
        self._trial = Trial(period, settle)
        #: What was measured when turning down began, at what cost and when; and how many decisions
        #: in a row since found that it was of no use.
        self._first: Optional[float] = None
        self._first_cost = self._first_at = 0.0
        self._futile = 0
        #: What was measured when turning down was undone, until it is known what that led to.
        self._undone: Optional[float] = None

    def decide(self, now: float, measured: Optional[float], samples: int) -> Decision:
        """Decide by what was measured (seconds, of ``samples``) since the last decision.

        ``now``: seconds of any clock that never goes back. ``measured``: a mean or a quantile;
        None if it isn't known.
        """
        if measured is None or samples < MIN_SAMPLES:
            return self._stay("no decision on %d samples" % samples, fresh=False)
        if now < self._no_decision_before:
            return self._stay("waits until the change shows")
        if now < self._rests_until:
            before, self._undone = self._undone, None
            if before is None or measured <= GROWN * before:
                return self._stay("rests, since turning down did not help")
            self._rests_until = now
        return (self._over if measured > self._deadline else self._under)(now, measured)

    def predict(self, measured: float, setting: int) -> float:
        """Return the seconds that a setting would take, by what the present one takes."""
        waiting = min(self._waiting, measured)
        slowdown = (measured - waiting) / self._costs[self.setting]
        return waiting + slowdown * self._costs[setting]

    def _over(self, now: float, measured: float) -> Decision:
        self._good = 0
        self._trial.miss(now)
        if self._is_futile(now, measured):
            return self._restore(now, measured)
        if self.setting == 0:
            return self._stay("%s, at the cheapest setting" % self._compared(measured))
        if self._first is None:
            self._first, self._first_cost = measured, self._costs[self.setting]
            self._first_at, self._futile = now, 0
        within = MARGIN_DOWN * self._deadline
        target = self.setting - 1
        while target > 0 and self.predict(measured, target) > within:
            target -= 1
        return self._change(now, target, self._compared(measured))

    def _is_futile(self, now: float, measured: float) -> bool:
        """Has turning down been of no use for long enough?"""
        if self._first is None:
            return False
        if measured > GROWN * self._first:  # the load grew meanwhile
            self._first = None
            return False
        promised = 1 - self._costs[self.setting] / self._first_cost
        least = max(MIN_GAIN, PROMISED * promised)
        self._futile = self._futile + 1 if measured > (1 - least) * self._first else 0
        # Few samples make few decisions, so there the time counts.
        enough = (FUTILE_PERIODS - 0.5) * (self._period + self._settle)
        return self._futile >= 2 and now - self._first_at >= enough

    def _under(self, now: float, measured: float) -> Decision:
        self._first = None
        self._trial.meet(now)
        top = len(self._costs) - 1
        predicted = self.predict(measured, min(self.setting + 1, top))
        if self.setting == top or predicted > MARGIN_UP * self._deadline:
            self._good = 0
            return self._stay(self._compared(measured))
        self._good += 1
        if self._good < GOOD_PERIODS or not self._trial.may_begin(now):
            return self._stay(self._compared(measured))
        self._trial.begin(now)
        reason = "%s, and %.1f ms are expected" % (self._compared(measured), predicted * 1e3)
        return self._change(now, self.setting + 1, reason)

    def _compared(self, measured: float) -> str:
        word = "over" if measured > self._deadline else "within"
        return "%.1f ms, %s %.1f ms" % (measured * 1e3, word, self._deadline * 1e3)

    def _change(self, now: float, setting: int, reason: str) -> Decision:
        self.setting = setting
        self._good = 0
        # A poll may come a moment early.
        self._no_decision_before = now + self._settle + 0.9 * self._period
        return Decision(setting, True, True, reason)

    def _restore(self, now: float, measured: float) -> Decision:
        self._first = None
        self._rests_until, self._undone = now + REST, measured
        self._no_decision_before = now + self._settle + 0.9 * self._period
        self.setting = len(self._costs) - 1
        return Decision(self.setting, True, True, "turning down did not help: put back")

    def _stay(self, reason: str, fresh: bool = True) -> Decision:
        return Decision(self.setting, False, fresh, reason)
