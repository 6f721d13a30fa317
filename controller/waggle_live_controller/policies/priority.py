"""``PriorityAllocator``: shares the cores of one node among plugins that have deadlines.

Separate controllers would fight: each takes what another has just given up. So one decides for all.
Every plugin gets its cheapest setting. The remaining cores go to the plugins in the order of their
priority, as much as each can use. A setting's need is computed from the CPU time of a frame, which
doesn't grow on a full machine.
"""

from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Set

from .deadline import GOOD_PERIODS, MIN_SAMPLES, Decision, mean_of_ten
from .trial import TRIAL_PERIODS, Trial

#: Shares of the cores: above the first a plugin is turned down; up to the second one is turned up.
FULL, ROOMY = 0.97, 0.85
#: If a plugin is late though all fit, somebody else takes part of the cores. Then less is planned
#: for than is taken now, down to LEAST of the cores. Each good stretch gives as much back.
LESS, LEAST = 0.9, 0.3
#: The share of its deadline that a frame's CPU time may take.
MARGIN = 0.9
#: The weight of a new figure of CPU time beside the known one.
NEWEST = 0.2


class Claim(NamedTuple):
    """What a plugin wants. Immutable."""

    #: The costs of its settings, the cheapest first, in any unit.
    costs: Sequence[float]
    #: The most seconds for a frame.
    deadline: float
    #: Frames per second.
    rate: float
    #: Higher ones go first; equal ones by name.
    priority: int = 0


class Usage(NamedTuple):
    """What a plugin did since the last decision. Immutable."""

    #: Seconds of a frame; None if unknown.
    measured: Optional[float]
    samples: int
    #: CPU seconds of a frame, at its present setting; None if unknown.
    cpu: Optional[float] = None


class PriorityAllocator:
    """Chooses the settings of several plugins of one node that has ``cores`` for them.

    ``period``: seconds between decisions. ``settle``: seconds until a change shows. Raises
    ValueError without claims, and for a number out of range. Not thread-safe.
    """

    def __init__(
        self,
        claims: Mapping[str, Claim],
        cores: float,
        *,
        period: float = 1.0,
        settle: float = 0.0,
    ) -> None:
        if not claims or not (cores > 0 and period > 0 and settle >= 0):
            raise ValueError("there are claims and cores, and times aren't negative")
        for name, claim in claims.items():
            costs = claim.costs
            rise = len(costs) > 0 and all(0 < a <= b for a, b in zip(costs, costs[1:] or costs))
            if not (claim.deadline > 0 and claim.rate > 0 and rise):
                raise ValueError("%s has no deadline, rate or costs that rise: %r" % (name, claim))
        self._claims = dict(claims)
        self._order = sorted(claims, key=lambda name: (-claims[name].priority, name))
        self._cores = cores
        self._period = period
        self._settle = settle
        self.settings: Dict[str, int] = {name: len(c.costs) - 1 for name, c in claims.items()}
        #: CPU seconds of a frame for each unit of cost.
        self._unit: Dict[str, float] = {}
        #: The last measured or expected seconds of a frame.
        self._latest: Dict[str, float] = {}
        #: The plugins whose unit is from CPU times.
        self._told: Set[str] = set()
        self._share = 1.0
        self._good: Dict[str, int] = dict.fromkeys(claims, 0)
        self._stretch = 0
        self._no_decision_before = float("-inf")
        self._trial = Trial(period, settle)

    def decide(self, now: float, usages: Mapping[str, Usage]) -> Dict[str, Decision]:
        """Decide by what each plugin did, and return the decisions by plugin.

        A plugin that is left out, or has fewer than ten samples, keeps its setting and its part of
        the cores. Fewer samples count if the ten latest, with those of the last decision, are late.
        ``now``: seconds of any clock that never goes back. Raises nothing.
        """
        fresh = {
            name: usage
            for name, usage in usages.items()
            if usage.measured is not None and self._suffices(name, usage.measured, usage.samples)
        }
        before = dict(self.settings)
        reason = "waits until the change shows"
        if now >= self._no_decision_before:
            self._learn(fresh)
            late = [n for n in self._order if n in fresh and self._is_late(n, fresh[n])]
            reason = "%s late" % " and ".join(late) if late else "all in time"
            self._weigh(now, late)
            self._turn_down()
            if self.settings == before and not late:
                self._turn_up(now)
            if self.settings != before:
                self._no_decision_before = now + self._settle + 0.9 * self._period
            for name in self._latest:
                costs = self._claims[name].costs
                self._latest[name] *= costs[self.settings[name]] / costs[before[name]]
        return {
            name: Decision(setting, setting != before[name], name in fresh, reason)
            for name, setting in self.settings.items()
        }

    def _is_late(self, name: str, usage: Usage) -> bool:
        return usage.measured is not None and usage.measured > self._claims[name].deadline

    def _suffices(self, name: str, measured: float, samples: int) -> bool:
        if samples >= MIN_SAMPLES or samples <= 0 or name not in self._latest:
            return samples >= MIN_SAMPLES
        return mean_of_ten(measured, samples, self._latest[name]) > self._claims[name].deadline

    def _learn(self, fresh: Mapping[str, Usage]) -> None:
        for name, usage in fresh.items():
            cost = self._claims[name].costs[self.settings[name]]
            if usage.measured is not None:
                self._latest[name] = usage.measured
            if usage.cpu is not None:
                unit = usage.cpu / cost
                known = self._unit[name] if name in self._told else unit
                self._unit[name] = known + NEWEST * (unit - known)
                self._told.add(name)
            elif usage.measured is not None and name not in self._unit:
                # Until CPU times are known the duration is the best estimate, though too high.
                self._unit[name] = usage.measured / cost

    def _weigh(self, now: float, late: List[str]) -> None:
        """Plan for less if a plugin is late, and for more again if all are in time."""
        if late:
            self._stretch = 0
            self._good = dict.fromkeys(self._good, 0)
            self._trial.miss(now)
            taken = self._planned(self.settings) / (FULL * self._cores)
            if taken <= self._share:
                self._share = max(taken * LESS, LEAST)
            return
        self._stretch += 1
        if self._stretch % TRIAL_PERIODS == 0:
            self._share = min(self._share / LESS, 1.0)
        self._trial.meet(now)

    def _turn_down(self) -> None:
        self.settings = self._plan(FULL, self.settings)

    def _turn_up(self, now: float) -> None:
        """Turn up by one step the first plugin that has had room for long enough."""
        plan = self._plan(ROOMY, {n: len(c.costs) - 1 for n, c in self._claims.items()})
        held = True  # earlier plugins keep what they have, even if it is more than planned
        for name in self._order:
            more = held and plan[name] > self.settings[name]
            held = held and plan[name] >= self.settings[name]
            self._good[name] = self._good[name] + 1 if more else 0
        if not self._trial.may_begin(now):
            return
        for name in self._order:
            if self._good[name] >= GOOD_PERIODS:
                self.settings[name] += 1
                self._good = dict.fromkeys(self._good, 0)
                self._trial.begin(now)
                return

    def _plan(self, fill: float, most: Mapping[str, int]) -> Dict[str, int]:
        """Return the settings, ``most`` at most, that fit into a share of the cores."""
        plan = {name: 0 if name in self._unit else self.settings[name] for name in self._order}
        left = fill * self._cores * self._share - self._planned(plan)
        for name in self._order:
            if name not in self._unit:
                continue
            claim, least = self._claims[name], self._takes(name, 0)
            within = MARGIN * claim.deadline
            for setting in range(most[name], 0, -1):
                more = self._takes(name, setting) - least
                if more <= left and self._unit[name] * claim.costs[setting] <= within:
                    plan[name], left = setting, left - more
                    break
        return plan

    def _planned(self, settings: Mapping[str, int]) -> float:
        return sum(self._takes(name, setting) for name, setting in settings.items())

    def _takes(self, name: str, setting: int) -> float:
        """Return the cores that a plugin takes at a setting."""
        claim = self._claims[name]
        return claim.rate * self._unit.get(name, 0.0) * claim.costs[setting]
