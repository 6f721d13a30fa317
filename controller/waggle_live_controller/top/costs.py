"""The most expensive functions of a plugin, of those that TAU measured."""

from typing import List, NamedTuple, Optional

from .. import PluginReading

#: Functions that are shown of a plugin at most.
MOST = 5


class Cost(NamedTuple):
    """The cost of one function: exclusive seconds, and their share (0 to 1) of those of all
    functions, ``__other__`` included; None if all of them took no time."""

    name: str
    calls: int
    seconds: float
    share: Optional[float]


class Costs(NamedTuple):
    """The functions with a known cost, the most expensive first."""

    #: Is it CPU time? It is where TAU measured no other time.
    cpu: bool
    functions: List[Cost]


def costs_of(plugin: PluginReading) -> Costs:
    """Return the costs of the plugin's functions, without ``__other__``, which is no function."""
    cpu = all(each.exclusive is None for each in plugin.functions)
    spent = [each.exclusive_cpu if cpu else each.exclusive for each in plugin.functions]
    total = sum(filter(None, spent))
    costs = [
        Cost(each.name, each.calls, seconds, seconds / total if total > 0 else None)
        for each, seconds in zip(plugin.functions, spent)
        if seconds is not None and not each.is_other
    ]
    return Costs(cpu, sorted(costs, key=lambda cost: -cost.seconds))
