"""A simulated plugin on a machine whose speed changes: the plant that policies are held to.

30 frames/s come in; a frame takes a setting's cost times the slow-down of the moment, with a
coefficient of variation of 0.2. One that comes while the last is worked on is dropped, as a live
camera does. Times are exact, so a run of two minutes takes milliseconds.
"""

import random

COSTS = (0.0027, 0.0073, 0.0215, 0.0506)
RATE, VARIATION, LAG = 30.0, 0.2, 0.15


class Plant:
    """``slowdown(now)``: how many times longer than alone a frame takes. ``waiting``: seconds of
    each frame that no setting and no load changes. An order shows LAG seconds after it is given."""

    def __init__(self, seed, slowdown, *, costs=COSTS, waiting=0.0, effective=True):
        self.random = random.Random(seed)
        self.slowdown = slowdown
        self.costs = costs
        self.waiting = waiting
        self.effective = effective
        self.setting = self._ordered = len(costs) - 1
        self._shows_at = 0.0
        self.now = self.random.random() / RATE
        #: When each frame was done, and how long it took.
        self.frames = []

    def order(self, now, setting):
        """Have it use another setting."""
        self._ordered, self._shows_at = setting, now + LAG

    def run(self, until):
        """Work until a time."""
        while self.now < until:
            if self.now >= self._shows_at:
                self.setting = self._ordered
            cost = self.costs[self.setting if self.effective else -1]
            noise = max(self.random.gauss(1.0, VARIATION), 0.1)
            took = self.waiting + cost * self.slowdown(self.now) * noise
            self.now += took
            self.frames.append((self.now, took))
            # The next frame that comes.
            self.now = (int(self.now * RATE) + 1) / RATE + self.random.random() * 1e-6

    def between(self, begin, end):
        """Return the mean and the number of the frames that were done in a time."""
        times = []
        for done, took in reversed(self.frames):
            if done <= begin:
                break
            if done <= end:
                times.append(took)
        return (sum(times) / len(times) if times else None), len(times)


def control(plant, policy, *, seconds, period=1.0, window=None, phase=0.0, patient=True):
    """Run a policy on the plant; return its changes as (time, setting).

    ``window``: seconds that each measurement looks back, instead of the time since the last one.
    ``patient``: whether samples add up until there are enough for a decision.
    """
    changes = []
    now = baseline = phase
    while now < seconds:
        now += period
        plant.run(now)
        measured, samples = plant.between(now - window if window else baseline, now)
        decision = policy.decide(now, measured, samples)
        if decision.fresh or not patient:
            baseline = now
        if decision.changed:
            changes.append((now, decision.setting))
            plant.order(now, decision.setting)
    return changes
