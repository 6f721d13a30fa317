"""``Trial``: whether a step up was right, and when the next one may be tried."""

#: Periods after a step up within which a missed deadline means that the step was wrong.
TRIAL_PERIODS = 30
#: Periods from the first wrong step up to the next try. They double each time, up to a bound in
#: seconds.
FIRST_BACKOFF, MAX_BACKOFF = 5, 60.0


class Trial:
    """The latest step up. ``period``: seconds between decisions; ``settle``: until it shows."""

    def __init__(self, period: float, settle: float) -> None:
        self._period = period
        self._settle = settle
        self._until = self._not_before = float("-inf")
        self._backoff = 0.0
        self._is_on = False

    def begin(self, now: float) -> None:
        """Note a step up."""
        self._is_on = True
        self._until = now + TRIAL_PERIODS * self._period + self._settle

    def may_begin(self, now: float) -> bool:
        """Tell whether a step up may be tried now."""
        return now >= self._not_before

    def miss(self, now: float) -> None:
        """Note a missed deadline: a step up that is on trial was wrong."""
        if self._is_on and now <= self._until:
            self._is_on = False
            first = FIRST_BACKOFF * self._period
            self._backoff = min(max(2 * self._backoff, first), MAX_BACKOFF)
            self._not_before = now + self._backoff

    def meet(self, now: float) -> None:
        """Note that all deadlines are met: a step up whose trial is over was right."""
        if self._is_on and now > self._until:
            self._is_on, self._backoff = False, 0.0
