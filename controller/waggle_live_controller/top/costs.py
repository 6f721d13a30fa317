"""The most expensive functions of a plugin, of those that TAU measured."""

from typing import List, NamedTuple, Optional

from .. import PluginReading

#: Shown of a plugin at most.
MOST = 5


class Cost(NamedTuple):
    """What one function costs: exclusive seconds, and their share (0 to 1) of those of all
    functions, ``__other__`` included; None where all of them took no time."""

    name: str
    calls: int
    seconds: float
    share: Optional[float]


class Costs(NamedTuple):
    """The functions whose cost is known, the most expensive first."""

    #: Is it the CPU's time? It is where TAU didn't measure the other.
    cpu: bool
    functions: List[Cost]


def costs_of(plugin: PluginReading) -> Costs:
    """Return what the plugin's functions cost, without ``__other__``, which is none."""
    cpu = all(each.exclusive is None for each in plugin.functions)
    known = []
    for each in plugin.functions:
        seconds = each.exclusive_cpu if cpu else each.exclusive
        if seconds is not None:
            known.append((each, seconds))
    total = sum(seconds for _, seconds in known)
    costs = [
        Cost(each.name, each.calls, seconds, seconds / total if total > 0 else None)
        for each, seconds in known
        if not each.is_other
    ]
    return Costs(cpu, sorted(costs, key=lambda cost: -cost.seconds))
