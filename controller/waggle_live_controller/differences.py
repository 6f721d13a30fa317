"""What happened between two snapshots: differences of counts and sums.

The figures of one snapshot cover the last 10 s, which is too slow to control by. A difference
covers exactly the time since the poll before.
"""

from typing import Dict, Iterator, Mapping, NamedTuple, Optional, TypeVar

from .hints import names_its_fields
from .plugins import PluginIdentity, PluginReading, Plugins
from .readings import (
    RateDifference,
    RateReading,
    Readings,
    TimerDifference,
    TimerReading,
    series_key,
)

Number = TypeVar("Number", int, float)


@names_its_fields
class PluginDifference(NamedTuple):
    """What a plugin did between two snapshots. Unknown values are None."""

    identity: PluginIdentity
    timers: Readings[TimerDifference]
    rates: Readings[RateDifference]
    #: CPU seconds of all its processes; None if unknown.
    cpu_seconds: Optional[float]


class PluginDifferences(Mapping[str, PluginDifference]):
    """The differences of the plugins, by the keys of the later snapshot.

    Raises the same errors as :class:`Plugins`: UnknownPlugin and AmbiguousPlugin.
    """

    def __init__(self, plugins: Plugins, found: Dict[PluginIdentity, PluginDifference]) -> None:
        self._plugins = plugins
        self._found = found

    def __getitem__(self, key: str) -> PluginDifference:
        return self._found[self._plugins[key].identity]

    def __contains__(self, key: object) -> bool:
        return key in self._plugins

    def __iter__(self) -> Iterator[str]:
        return iter(self._plugins)

    def __len__(self) -> int:
        return len(self._plugins)


@names_its_fields
class Difference(NamedTuple):
    """What the plugins of a node did in some seconds. Immutable."""

    #: Seconds between the answers of the two snapshots.
    seconds: float
    plugins: PluginDifferences


def difference(earlier: Plugins, later: Plugins, seconds: float) -> Difference:
    """Return what happened from ``earlier`` to ``later``, which came ``seconds`` after it."""
    before = {plugin.identity: plugin for plugin in earlier.values()}
    found = {
        plugin.identity: _plugin(before.get(plugin.identity), plugin, seconds)
        for plugin in later.values()
    }
    return Difference(seconds, PluginDifferences(later, found))


def _plugin(
    before: Optional[PluginReading], after: PluginReading, seconds: float
) -> PluginDifference:
    if before is not None and not _comparable(before, after):
        before = None
    cpu = _risen(before and before.cpu_seconds, after.cpu_seconds)
    timers = [_timer(before, timer) for timer in after.timers.values()]
    rates = [_rate(before, rate, seconds, cpu) for rate in after.rates.values()]
    return PluginDifference(after.identity, Readings("timer", timers), Readings("rate", rates), cpu)


def _comparable(before: PluginReading, after: PluginReading) -> bool:
    """Tell whether it is the same run, heard at both ends, with no counter that fell."""
    if not (before.heard and after.heard and before.start == after.start):
        return False
    timers = all(
        after.timers[key].count >= timer.count
        for key, timer in before.timers.items()
        if key in after.timers
    )
    return timers and all(
        after.rates[key].total >= rate.total
        for key, rate in before.rates.items()
        if key in after.rates
    )


def _risen(before: Optional[Number], after: Optional[Number]) -> Optional[Number]:
    """Return by how much a sum rose; None if it is unknown or fell."""
    if before is None or after is None or after < before:
        return None
    return after - before


def _timer(plugin: Optional[PluginReading], after: TimerReading) -> TimerDifference:
    before = plugin and plugin.timers.get(series_key(after.name, after.labels))
    if before is None or after.sum < before.sum:
        return TimerDifference(after.name, after.labels, None, None, None)
    return TimerDifference(
        after.name,
        after.labels,
        after.count - before.count,
        after.sum - before.sum,
        _risen(before.failures, after.failures),
    )


def _rate(
    plugin: Optional[PluginReading], after: RateReading, seconds: float, cpu: Optional[float]
) -> RateDifference:
    before = plugin and plugin.rates.get(series_key(after.name, after.labels))
    if before is None:
        return RateDifference(after.name, after.labels, None, None, None)
    events = after.total - before.total
    per_second = events / seconds if seconds > 0 else None
    each = cpu / events if cpu is not None and events else None
    return RateDifference(after.name, after.labels, events, per_second, each)
