"""Merges two plugins that turn out to have one identity.

One takes in the other's totals, recent values and processes. No total falls. If a sum would be over
``MAX_WHOLE``, that series keeps the numbers of the plugin that was known, and this is logged. The
rows of the processes move along, so their next reports are still counted once.
"""

import logging
from collections.abc import Iterable

from ..identity.labels import IdentityLabels
from . import costs, exact_sum, exits
from .plugin import Plugin
from .process import Process
from .series import Series
from .table import Table

log = logging.getLogger(__name__)


def move_to(
    table: Table,
    plugin: Plugin,
    processes: list[Process],
    identity: IdentityLabels,
    now: float,
) -> None:
    """Give a plugin another identity. If a plugin has that already, merge the two.

    ``processes`` are all processes of ``plugin``.
    """
    for process in processes:
        process.identity = identity
    known = table.settle(plugin, identity)
    if known is not plugin:
        table.count(known, -1)
        series, history = costs.series(known), costs.history(known)
        merge(known, plugin, processes, now)
        more = costs.series(known) - series, costs.history(known) - history
        table.pay(known, plugin, *more)
        table.count(known, 1)
        table.attend(known)


def merge(into: Plugin, plugin: Plugin, processes: Iterable[Process], now: float) -> None:
    """Add all of ``plugin`` to another one. ``plugin`` must not be used afterwards.

    ``processes`` are all processes of ``plugin``.
    """
    moved: dict[int, Series] = {}
    for key, series in plugin.series.items():
        known = into.series.get(key)
        if known is not None:
            try:
                known.merge(series, now)
            except OverflowError:
                log.error(
                    "%s %s of %s: the counts of two identities exceed 2^63 - 1; only one is kept",
                    key.kind,
                    key.name,
                    into.identity,
                )
            moved[id(series)] = known
            continue
        stamp = into.stamps.get((key.name, key.labels))
        if stamp is not None and series.totals.is_authored:
            stamp.raise_to(series.stamp.at)
            series.stamp = stamp
        into.add(series)
    newest = into if _began(into) > _began(plugin) else plugin
    for process in processes:
        process.plugin, process.identity = into, into.identity
        process.rows = {
            key: (applied, moved.get(id(series), series))
            for key, (applied, series) in process.rows.items()
        }
    into.processes.update(plugin.processes)
    for part in plugin.cpu:
        exact_sum.add(into.cpu, part)
    into.recent_cpu.absorb(plugin.recent_cpu, now)
    exits.add(into.exits, plugin.exits)
    if (plugin.left_at or 0.0) >= (into.left_at or 0.0):
        into.status = plugin.status or into.status
    into.info = newest.info
    into.last_seen = max(into.last_seen, plugin.last_seen)
    if into.left_at is None or plugin.left_at is None:
        into.left_at = None
        into.attend(now)
    else:
        into.left_at = max(into.left_at, plugin.left_at)


def _began(plugin: Plugin) -> float:
    """Return the start, in Unix seconds, of the newest process of a plugin."""
    return max((process.started for process in plugin.processes.values()), default=plugin.started)
