"""A world with every family, and the same numbers as metric objects of prometheus_client."""

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.utils import floatToGoString

from waggle_live.wire import histogram
from waggle_live_collector.control.orders import Entry, Orders, Will
from waggle_live_collector.exposition import families as f
from waggle_live_collector.exposition.columns import QUANTILES
from waggle_live_collector.table.buckets import BOUNDS

from ..world import World, counter, function, gauge, rate, sampled, timer

NASTY = 'back\\slash "quote" new\nline {x="y"} 100%s ünïcødé 🐝'

#: What only looks back a moment, as the design names it.
LIVE = {
    "waggle_timer_recent_seconds",
    "waggle_timer_recent_mean_seconds",
    "waggle_timer_last_seconds",
    "waggle_rate_last_per_second",
    "waggle_updated_timestamp_seconds",
    "waggle_plugin_last_seen_timestamp_seconds",
    "waggle_tau_last_dump_timestamp_seconds",
}


def rich_world():
    """Return a world with every family, awkward labels and awkward numbers."""
    world = World()
    one = world.peer(
        "session-1", plugin=NASTY, task=NASTY, job=NASTY, app_id=NASTY, client=NASTY, monotonic=0.0
    )
    one.update(
        1,
        timer("t", {-60: 3, 0: 2, 160: 1}, 123_456_789_012, last=17, failures=2),
        {**timer("t", {-100: 2_000_000}, 10**16, last=10**16), "labels": {"Zoo": NASTY, "a": "1"}},
        timer("declared", {}),
        rate("fps", 1234567, last=33_333_333, labels={"le_": "1"}),
        rate("block", 3, sum=1_000_000, last=0),
        rate("first", 1),
        gauge("g", "NaN"),
        gauge("g", "+Inf", x=NASTY),
        gauge("g", "-Inf", x="2"),
        gauge("g", -0.0, x="3"),
        gauge("g", 1e22, x="4"),
        counter("c", 0.1),
        counter("c", 12345678.9, zzz="1", A="2"),
        {"kind": "messages", "name": "env.count", "value": 3},
        {"kind": "uploads", "value": 1_000_000},
        {"kind": "problem", "name": "sync_error", "value": 1},
        function(NASTY.replace("\n", " "), 7, 1_500_000, 3_000_000_000),
        function("<listcomp> [a.py:3]", 10**7, 10**16, None, exclusive_cpu=1),
        function("declared", 0, 0, 0, profiler=None),
        sampled("<listcomp> [a.py:3]", 2, 10**16),
        sampled("__idle__", None, 10**16),
        function("__other__", 12, 5, None),
        {"kind": "tau", "age": 1.25, "dropped": 12, "torn": 3},
        process={"cpu_seconds": 1.25, "memory_bytes": 123456789, "memory_scope": "container"},
    )
    one.say(
        {
            "type": "knobs",
            "number": 1,
            "knobs": [
                {
                    "name": "fps",
                    "type": "float",
                    "default": 30,
                    "low": 1,
                    "high": 30,
                    "slept": 0.75,
                },
                {
                    "name": "label",
                    "type": "str",
                    "default": "é",
                    "value": 'a"\\',
                    "source": "pinned",
                },
                {"name": "fast", "type": "bool", "default": True},
                {"name": "__profile", "type": "int", "default": 0, "low": 0, "high": 200},
            ],
        }
    )
    entry = Entry(NASTY, "fps", 7, NASTY, NASTY)
    Orders(world.control).put("me", Will([entry]), [])
    world.peer("session-2", plugin="other").update(1, counter("c", 1))
    world.peer("session-3", plugin="gone").bye("error")
    world.time.pass_(1.5)
    return world


class Oracle:
    """The same table as metric objects of prometheus_client, built from the table's numbers."""

    def __init__(self, world):
        self.world = world
        self.families = {}

    def add(self, family, labels, value):
        """Add one sample."""
        make = CounterMetricFamily if family.type == "counter" else GaugeMetricFamily
        metric = self.families.setdefault(family, make(family.name, family.help))
        metric.add_sample(family.name, labels, value)

    def timer(self, series, labels):
        """Add what a timer shows."""
        totals, recent = series.totals, series.recent
        metric = self.families.setdefault(
            f.TIMER_SECONDS, HistogramMetricFamily(f.TIMER_SECONDS.name, f.TIMER_SECONDS.help)
        )
        bounds = [floatToGoString(bound) for bound in (*BOUNDS, float("inf"))]
        for bound, total in zip(bounds, totals.buckets.cumulated()):
            metric.add_sample(f"{metric.name}_bucket", {**labels, "le": bound}, total)
        metric.add_sample(f"{metric.name}_count", labels, totals.count)
        metric.add_sample(f"{metric.name}_sum", labels, totals.sum / 1e9)
        if totals.last is not None:
            self.add(f.TIMER_LAST, labels, totals.last / 1e9)
        if recent.count:
            for q in QUANTILES:
                value = histogram.quantile(dict(recent.buckets.items()), q)
                self.add(f.TIMER_RECENT, {**labels, "q": str(q)}, value)
            self.add(f.TIMER_RECENT_MEAN, labels, recent.sum / recent.count / 1e9)
        self.add(f.TIMER_FAILURES, labels, totals.failures)

    def rate(self, series, labels):
        """Add what a rate shows."""
        self.add(f.RATE_EVENTS, labels, series.totals.count)
        self.add(f.RATE_PER_SECOND, labels, series.recent.per_second(self.world.time.at))
        if series.block_per_second(series.recent) is not None:
            self.add(f.RATE_BLOCK, labels, series.block_per_second(series.recent))
        if series.last_per_second() is not None:
            self.add(f.RATE_LAST, labels, series.last_per_second())

    def function(self, series, identity):
        """Add what a profiler measured of a function."""
        totals = series.totals
        labels = {**identity, "function": totals.name, **dict(totals.labels)}
        if totals.calls is not None:
            self.add(f.FUNCTION_CALLS, labels, totals.calls)
        for family, time in (
            (f.FUNCTION_EXCLUSIVE, totals.exclusive),
            (f.FUNCTION_INCLUSIVE, totals.inclusive),
            (f.FUNCTION_EXCLUSIVE_CPU, totals.exclusive_cpu),
        ):
            if time is not None:
                self.add(family, labels, time / 1e9)

    def tau(self, series, identity):
        """Add what there is of runs under TAU."""
        self.add(f.TAU_DROPPED, identity, series.totals.dropped)
        self.add(f.TAU_TORN, identity, series.totals.torn)
        last_dump = self.world.clock.unix(series.totals.dumped_at)
        self.add(f.TAU_LAST_DUMP, identity, last_dump)

    def plugin(self, plugin):
        """Add everything of a plugin."""
        unix = self.world.clock.unix
        identity = plugin.identity._asdict()
        for (kind, name, labels), series in plugin.series.items():
            all_labels = {**identity, "name": name, **dict(labels)}
            if kind in ("timer", "rate"):
                getattr(self, kind)(series, all_labels)
            elif kind in ("gauge", "counter"):
                self.add(f.VALUE if kind == "gauge" else f.COUNT, all_labels, series.value())
            elif kind == "messages":
                self.add(f.MESSAGES, {**identity, "name": name}, series.value())
            elif kind == "uploads":
                self.add(f.UPLOADS, identity, series.value())
            elif kind == "problem":
                self.add(f.PROBLEMS, {**identity, "reason": name}, series.value())
            else:
                getattr(self, kind)(series, identity)
            if kind in ("timer", "rate", "gauge", "counter"):
                self.add(f.UPDATED, all_labels, unix(series.stamp.at))
        self.add(f.UP, identity, plugin.left_at is None)
        told = plugin.info
        info = {name: getattr(told, name) for name in ("app_id", "version", "client")}
        info.update(host="", zone="", verified="no")
        self.add(f.INFO, {**identity, **info}, 1)
        self.add(f.SESSIONS, identity, sum(s.connected for s in plugin.processes.values()))
        self.add(f.START, identity, round(plugin.started, 3))
        self.add(f.LAST_SEEN, identity, unix(plugin.last_seen))
        self.add(f.SILENT, identity, plugin.silent_seconds(self.world.time.at))
        if plugin.cpu_seconds() is not None:
            self.add(f.CPU, identity, plugin.cpu_seconds())
        if plugin.memory_bytes() is not None:
            self.add(f.MEMORY, identity, plugin.memory_bytes())
        for status, exits in plugin.exits.items():
            self.add(f.EXITS, {**identity, "status": status}, exits)

    def knob(self, knob):
        """Add what is told of a knob."""
        labels, told = dict(knob.key.pairs()), knob.newest
        if isinstance(told.value, str):
            self.add(f.KNOB_INFO, {**labels, "value": told.value}, 1)
        else:
            self.add(f.KNOB_VALUE, labels, float(told.value))
            self.add(f.KNOB_DEFAULT, labels, float(told.declaration.default))
        is_leased = knob.key.name == "fps"
        self.add(f.KNOB_LEASED, labels, is_leased)
        for source in ("set", "default"):
            changes = source == "set" and is_leased
            self.add(f.KNOB_CHANGES, {**labels, "source": source}, changes)
        if told.slept is not None:
            self.add(f.PACE_SLEPT, labels, told.slept)

    def collect(self):
        """Yield the families: this is all that a registry of prometheus_client wants."""
        self.families = {}
        for plugin in self.world.table.plugins.values():
            self.plugin(plugin)
        for knob in self.world.control.knobs():
            if knob.key.name != "__profile":
                self.knob(knob)
        self.add(f.NODE_INFO, {"node_id": "000048B02D0766BE", "vsn": "W023"}, 1)
        for family in f.ALL:
            if family in self.families:
                yield self.families[family]
