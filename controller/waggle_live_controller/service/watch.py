"""``Watch``: one deadline on one node: its measurements, its ladder, and what is held."""

from typing import Dict, List, Mapping, Optional

from .. import Entry, Knobs, Ladder, PluginIdentity, PluginReading, Snapshot, Usage
from .config import P95, Deadline

#: The seconds that quantiles cover.
WINDOW = 2
#: A process reports its CPU time every 2 s. Fewer seconds than the first are not meaningful; after
#: the second the measurement starts anew.
CPU_SECONDS, MAX_CPU_SECONDS = 5.0, 30.0


NOTHING = Usage(None, 0)


class Watch:
    """One deadline on one node. Used by the node's thread alone.

    ``plugin``: found by task in each snapshot. Another identity counts as another plugin.
    """

    def __init__(self, deadline: Deadline) -> None:
        self.deadline = deadline
        self.identity: Optional[PluginIdentity] = None
        self.ladder: Optional[Ladder] = None
        self.settle = 0.0
        #: Why there is no ladder.
        self.problem = ""
        self.setting = 0
        #: Whether the plugin has the values that are held, and from when on that shows.
        self.applied = True
        self._shows_at = float("-inf")
        #: ``Snapshot.received`` of the last decision on fresh numbers.
        self.decided_at = float("-inf")
        self._start: Optional[float] = None
        self._since: Optional[Snapshot] = None
        self._cpu_since: Optional[Snapshot] = None

    @property
    def needs_knobs(self) -> bool:
        """Whether the knobs must be read in this period."""
        return self.ladder is None or not self.applied or bool(self.entries())

    def see(self, snapshot: Snapshot) -> Optional[PluginReading]:
        """Return the plugin if it is there and heard. A new one needs a ladder."""
        try:
            plugin = snapshot.plugins[self.deadline.plugin_task]
        except LookupError as error:
            self.problem = str(error)
            return None
        if not plugin.heard:
            self.problem = "nothing is heard of it"
            return None
        if self.deadline.timer not in plugin.timers:
            self.problem = "it has no timer %s; there are: %s" % (
                self.deadline.timer,
                ", ".join(plugin.timers) or "none",
            )
            return None
        if plugin.identity != self.identity:
            self.identity, self.ladder = plugin.identity, None
        if plugin.start != self._start:
            self._start = plugin.start
            self.restart(snapshot)
        return plugin

    def learn(self, knobs: Knobs) -> bool:
        """Make the ladder from the plugin's knobs. Returns whether it has changed."""
        assert self.identity is not None
        there = knobs.of(self.identity)
        missing = [name for name in self.deadline.knobs if name not in there]
        before = self.ladder
        if missing:
            self.problem = "it has no knob %s; there are: %s" % (
                missing[0],
                ", ".join(name for name in there if not name.startswith("__")) or "none",
            )
            if self.entries():  # it may be restarting: its values stay until they are too old
                self.applied = False
                return False
            self.ladder = None
            return before is not None
        chosen = [there[name] for name in self.deadline.knobs]
        try:
            self.ladder = Ladder.of(chosen)
        except ValueError as error:
            self.ladder, self.problem = None, str(error)
            return before is not None
        self.problem = ""
        self.settle = max(knob.settle for knob in chosen)
        if self.deadline.statistic == P95:
            self.settle += WINDOW - 1.0
        if before is not None and before == self.ladder:
            held = self.ladder.changed(self.setting).items()
            self.applied = all(value in there[name].values for name, value in held)
            return False
        self.reset()
        return True

    def reset(self) -> None:
        """Begin with the plugin's defaults."""
        self.setting = len(self.ladder.settings) - 1 if self.ladder else 0
        self.applied = True
        self._shows_at = self.decided_at = float("-inf")

    def shows(self, now: float, period: float) -> bool:
        """Tell whether what is measured since the last poll shows the values that are held.

        A value may be late: held back, refused, or behind somebody else's.
        """
        if not self.applied:
            self._shows_at = float("inf")
        elif self._shows_at == float("inf"):
            self._shows_at = now + self.settle + 0.9 * period  # a poll may come a moment early
        return now >= self._shows_at

    def wait(self, snapshot: Snapshot) -> None:
        """Go on holding what doesn't show yet, and measure from here on."""
        self.restart(snapshot)
        if not self.problem:
            self.decided_at = snapshot.received

    def forget(self, snapshot: Snapshot) -> None:
        """Hold nothing any more, and read the knobs anew."""
        self.ladder = None
        self.restart(snapshot)

    def decided(self, snapshot: Snapshot) -> None:
        """Measure from here on, except CPU times: this snapshot was decided on."""
        self.decided_at = snapshot.received
        self._since = snapshot

    def restart(self, snapshot: Snapshot) -> None:
        """Measure from here on, since something has changed."""
        self._since = self._cpu_since = snapshot

    def measure(self, snapshot: Snapshot) -> Usage:
        """Return what happened since the last decision on fresh numbers."""
        if self._since is None or self._cpu_since is None:
            self.restart(snapshot)
            return NOTHING
        task, name = self.deadline.plugin_task, self.deadline.timer
        timer = snapshot.since(self._since).plugins[task].timers[name]
        if timer.count is None:
            self.restart(snapshot)
            return NOTHING
        value = timer.mean
        if self.deadline.statistic == P95:
            value = snapshot.plugins[task].timers[name].p95
        return Usage(value, timer.count, self._cpu(snapshot))

    def _cpu(self, snapshot: Snapshot) -> Optional[float]:
        assert self._cpu_since is not None
        long = snapshot.since(self._cpu_since)
        plugin = long.plugins[self.deadline.plugin_task]
        count = plugin.timers[self.deadline.timer].count
        if long.seconds > MAX_CPU_SECONDS:
            self._cpu_since = snapshot
        if long.seconds < CPU_SECONDS or not count or not plugin.cpu_seconds:
            return None
        return plugin.cpu_seconds / count

    def entries(self) -> List[Entry]:
        """Return the entries to hold."""
        if self.ladder is None or self.identity is None:
            return []
        values: Mapping[str, object] = self.ladder.changed(self.setting)
        return [Entry(self.identity, name, value) for name, value in values.items()]  # type: ignore[arg-type]

    def shown(self) -> Dict[str, object]:
        """Return the values of the setting, for people to read."""
        return dict(self.ladder.settings[self.setting]) if self.ladder else {}
