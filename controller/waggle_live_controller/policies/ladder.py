"""``Ladder``: the settings that a plugin can be turned to, and what each costs."""

from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from ..knobs import KnobReading, Value

#: The number of settings of a knob that has bounds and no choices.
STEPS = 5
#: A setting's default cost, relative to the next cheaper one.
UNKNOWN_STEP = 2.0

#: A value and its cost relative to the knob's default.
_Rung = Tuple[Value, float]


class Ladder:
    """Settings, the cheapest first, each a value for every knob, with their ``costs``. Immutable.

    The last setting is the author's default. Raises ValueError without settings, or if the costs
    don't rise.
    """

    def __init__(self, settings: Sequence[Mapping[str, Value]], costs: Sequence[float]) -> None:
        if not settings or len(settings) != len(costs):
            raise ValueError("a ladder has at least one setting, and as many costs as settings")
        if not all(0 < a <= b for a, b in zip(costs, costs[1:] or costs)):
            raise ValueError("costs are positive and rise, the cheapest first, not %r" % (costs,))
        self.settings = tuple(dict(setting) for setting in settings)
        self.costs = tuple(costs)

    @classmethod
    def of(cls, knobs: Sequence[KnobReading]) -> "Ladder":
        """Return the ladder of some knobs of a plugin.

        It goes down from their defaults, never above them. The first knob is turned down first, to
        its cheapest value, then the second. Costs are the author's. Without them, a knob with
        ``low`` and ``high`` costs in proportion to its value if more is better. Any other value
        costs twice the next cheaper one. Values that can't be had are left out: those of a knob
        that is pinned, and those in quarantine.

        Raises ValueError for a knob that can't be turned down, and if nothing is left.
        """
        values: Dict[str, Value] = {knob.name: knob.default for knob in knobs}
        settings, costs = [dict(values)], [1.0]
        for knob in knobs:
            above = costs[-1]
            for value, cost in _cheaper(knob):
                if knob.source == "pinned" or value in knob.quarantined:
                    continue
                values[knob.name] = value
                settings.append(dict(values))
                costs.append(above * cost)
        if len(settings) == 1:
            names = ", ".join(knob.name for knob in knobs)
            raise ValueError("all cheaper values of %s are pinned or in quarantine" % names)
        return cls(settings[::-1], costs[::-1])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ladder):
            return NotImplemented
        return (self.settings, self.costs) == (other.settings, other.costs)

    __hash__ = None  # type: ignore[assignment]  # settings are mappings

    def changed(self, setting: int) -> Mapping[str, Value]:
        """Return the values of a setting that differ from the defaults: these must be held."""
        default = self.settings[-1]
        return {
            name: value for name, value in self.settings[setting].items() if value != default[name]
        }


def _cheaper(knob: KnobReading) -> List[_Rung]:
    """Return the values that are cheaper than the default, the dearest of them first."""
    rungs = _choices(knob) if knob.choices is not None else _steps(knob)
    if not rungs:
        raise ValueError("the knob %s can't be turned down from %r" % (knob.name, knob.default))
    return rungs


def _choices(knob: KnobReading) -> List[_Rung]:
    choices = list(knob.choices or ())
    if knob.default not in choices:
        return []
    at = choices.index(knob.default)
    cost = knob.cost or [UNKNOWN_STEP**number for number in range(len(choices))]
    return [(choices[number], cost[number] / cost[at]) for number in range(at - 1, -1, -1)]


def _steps(knob: KnobReading) -> List[_Rung]:
    lower_is_better = knob.better == "lower"
    if knob.type == "bool":
        cheap = lower_is_better
        return [] if knob.default == cheap else [(cheap, 1 / UNKNOWN_STEP)]
    end: Optional[float] = knob.high if lower_is_better else knob.low
    if end is None or isinstance(knob.default, str) or knob.default == end:
        return []
    begin = float(knob.default)
    proportional = not lower_is_better and end > 0
    found: List[_Rung] = []
    for number in range(1, STEPS):
        share = number / (STEPS - 1)
        # Costs in proportion to the values fall by equal ratios, so that each step has an effect.
        exact = begin * (end / begin) ** share if proportional else begin + (end - begin) * share
        value: Value = round(exact) if knob.type == "int" else exact
        if value == (found[-1][0] if found else knob.default):
            continue
        found.append((value, exact / begin if proportional else UNKNOWN_STEP**-number))
    return found
