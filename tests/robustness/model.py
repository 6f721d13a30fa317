"""Plugin processes without processes: real registries and lines, over connections that fail.

What each has recorded is compared with what a real table shows (``test_model.py``).
"""

import copy
import itertools
import json

from tests.collector.world import Peer
from waggle_live.live import INSTRUMENTS
from waggle_live.series.registry import Registry
from waggle_live.series.state import SeriesState
from waggle_live.wire.protocol import encode, encode_updates

_ids = itertools.count()


class Link:
    """One connection: lines that wait in it, and the collector's end of it."""

    def __init__(self, world, process):
        self.peer = Peer(world)
        self.waiting = b""
        #: Whether lines arrived as they were sent, none lost, repeated or out of order.
        self.faithful = True
        hello = {"type": "hello", "version": 1, "session": process.id, "key": process.id}
        hello.update(plugin=process.plugin, monotonic=process.started)
        self.peer.say(hello)

    @property
    def is_open(self):
        """Does the collector still listen?"""
        return not self.peer.closed

    def deliver(self, size=None):
        """Let so many bytes of those that wait arrive."""
        size = len(self.waiting) if size is None else size
        arriving, self.waiting = self.waiting[:size], self.waiting[size:]
        if arriving and self.is_open:
            self.peer.say(arriving)


class Process:
    """One process of a plugin: its instruments, its process, its connection."""

    def __init__(self, plugin, started, registry=None):
        self.id = "session-%06d" % next(_ids)
        self.plugin = plugin
        self.started = started
        self.registry = registry or Registry(INSTRUMENTS)
        self.link = None
        self.number = 0
        self.send_all = True
        #: What the table may contain of it: nothing once its plugin has expired.
        self.counted = False

    def fork(self, started):
        """Return the child: the same series, all at zero, and a process of its own."""
        registry = Registry(INSTRUMENTS)
        for cell in self.registry.states():
            if cell.kind in ("timer", "rate", "gauge", "counter"):
                registry.get(cell.kind, cell.name, dict(cell.labels))
        return Process(self.plugin, started, registry)

    def record(self, kind, name, value):
        """Record one value with one instrument."""
        registry = self.registry
        if kind == "timer":
            registry.get("timer", name, {}).state.append(value)
        elif kind == "failure":
            series = registry.get("timer", name, {"failing": "yes"})
            series.state.failed.append(None)
            series.state.append(value)
        elif kind == "rate":
            registry.get("rate", name + ".r", {}).make().tick()
        elif kind == "block":
            series = registry.get("rate", name + ".b", {})
            series.use_as("blocks")
            series.state.append(value)
        elif kind == "counter":
            registry.get("counter", name + ".c", {"size": str(value % 3)}).inc(value)
        elif kind == "float":
            registry.get("counter", name + ".f", {}).inc(value / 10)
        elif kind == "message":
            registry.count_message(name)
        elif kind == "upload":
            registry.count_upload()

    def connect(self, world):
        """Connect anew; what stands in the old connection may still arrive, or never."""
        old, self.link = self.link, Link(world, self)
        self.send_all = True
        return old

    def send(self, now, send_all=False):
        """Put what changed on its way, as the sender does."""
        if self.link is None:
            return
        send_all = send_all or self.send_all
        cells = [c for c in self.registry.states() if send_all or c.values or c.changed]
        messages = [cell.take() for cell in cells]
        for number, line in encode_updates(messages, self.number + 1, now, now - 0.25):
            self.number = number
            self.link.waiting += line
        self.send_all = False

    def ask(self, **question):
        """Ask something and let everything arrive; True if it was answered."""
        before = len(self.link.peer.answers)
        self.link.waiting += encode(question)
        self.link.deliver()
        return any(a["type"] == "applied" for a in self.link.peer.answers[before:])

    def truth(self):
        """Return all counters that this process makes, as ``shown`` does."""
        totals = {}
        for cell in self.registry.states():
            state = copy.copy(_peek(cell))
            key = (self.plugin, cell.kind, cell.name, cell.labels)
            for field in ("count", "sum", "failures", "value"):
                if field in state and cell.kind != "gauge":
                    totals[(*key, field)] = state[field]
            for index, count in state.get("buckets", ()):
                totals[(*key, "bucket", index)] = count
        return totals


def _peek(cell: SeriesState):
    changed = cell.changed or bool(cell.buffer)
    state = json.loads(cell.take())
    cell.changed = changed
    return state


def shown(world):
    """Return all counters of the table, exactly, under the keys of ``Process.truth``."""
    totals = {}
    for identity, plugin in world.table.plugins.items():
        for key, series in plugin.series.items():
            if key.kind == "gauge":
                continue
            base = (identity.plugin, *key)
            row = series.totals
            for field in ("count", "sum", "failures", "value"):
                if hasattr(row, field):
                    totals[(*base, field)] = getattr(row, field)
            if key.kind == "counter":
                totals[(*base, "value")] = series.value()
    return totals
