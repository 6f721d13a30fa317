"""Records the curves of all plugins, one value per step of five seconds.

A step records what ``/api/v1/plugins`` says at that moment. Curves count in the budget
(``CURVES``), and are the first to go if there is no room. They are not saved.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from itertools import islice

from ..budget import What
from ..clock import Clock
from ..faults import Faults
from ..table.plugin import UP, Plugin
from ..table.series import Key
from ..table.table import Table
from .curve import LENGTH, OF_PLUGIN, OF_SERIES, STEP_SECONDS, Curve

#: Series recorded at once, and seconds of recording after which others have their turn.
DEFAULT_BATCH, TURN_SECONDS = 50, 0.001


class History:
    """Curves by plugin. Constructing it starts nothing. Belongs to the event loop."""

    def __init__(self, *, table: Table, faults: Faults, clock: Clock) -> None:
        self._table = table
        self._faults = faults
        self._clock = clock
        self._plugins: dict[Plugin, _PluginCurves] = {}
        #: The number of the step recorded last; None before the first.
        self.step: int | None = None
        self._recording: asyncio.Task[None] | None = None

    def tick(self) -> None:
        """Record if a step has ended. Call about once a second, in the event loop."""
        if self._recording is None or self._recording.done():
            self._recording = asyncio.create_task(self._record())

    def of(self, plugin: Plugin) -> list[Curve]:
        """Return the curves of a plugin; empty for a new one."""
        known = self._plugins.get(plugin)
        return [] if known is None else known.curves

    def record(self) -> Iterator[None]:
        """Record the step that has ended, if it was not yet; others may have their turn between."""
        now = self._clock.monotonic()
        step = int(now // STEP_SECONDS)
        if self.step is None:  # a part of a step is none
            self.step = step
        if step == self.step:
            return
        plugins = list(self._table.plugins.values())
        for gone in self._plugins.keys() - set(plugins):
            self._plugins.pop(gone).close()
        for plugin in plugins:
            with self._faults.kept("history", f"can't record {plugin.identity}"):
                known = self._plugins.get(plugin)
                if known is None:
                    known = self._plugins[plugin] = _PluginCurves(plugin, self._table)
                yield from known.record(step, now)
        self.step = step

    async def _record(self) -> None:
        turn = time.monotonic()
        for _ in self.record():
            if time.monotonic() - turn >= TURN_SECONDS:
                await asyncio.sleep(0)
                turn = time.monotonic()


class _PluginCurves:
    """The curves of one plugin, and the account that they are counted in."""

    def __init__(self, plugin: Plugin, table: Table) -> None:
        self._plugin = plugin
        self._account = table.account_of_curves(plugin, self._lose)
        self.curves: list[Curve] = []
        #: How many series of the plugin have a curve or can't have one. Their number only grows.
        self._seen = 0
        #: The step from which it may ask for room again.
        self._resume = self._step = 0

    def close(self) -> None:
        """Drop all curves, since the plugin has left."""
        self._account.close()

    def record(self, step: int, now: float) -> Iterator[None]:
        """Record a step. Others may have their turn between."""
        self._step = step
        if step >= self._resume:
            self._follow()
        heard = self._plugin.state(now) == UP
        curves = self.curves
        for start in range(0, len(curves), DEFAULT_BATCH):
            for curve in curves[start : start + DEFAULT_BATCH]:
                curve.take(step, now, heard=heard)
            yield

    def _follow(self) -> None:
        """Begin a curve for each new series. Without room, try again in ten minutes."""
        plugin, found = self._plugin, []
        if not self.curves:
            found += [make(Key(kind, "", ()), plugin) for kind, make in OF_PLUGIN.items()]
        for key, series in islice(plugin.series.items(), self._seen, None):
            if make := OF_SERIES.get(key.kind):
                found.append(make(key, series))
        self._seen = len(plugin.series)
        size = sum(curve.size for curve in found)
        if self._account.hold(What.CURVES, self._account.own(What.CURVES) + size):
            self.curves = [*self.curves, *found]  # an answer may be iterating over the old list
        else:
            self._lose(What.CURVES)

    def _lose(self, _: What) -> None:
        """Drop the curves, and record none for the time that they span."""
        self.curves, self._seen = [], 0
        self._resume = self._step + LENGTH
