"""The targets, beside what was measured."""

import math
from typing import Any, List, NamedTuple

from .results import Results, Row, table

NAN = float("nan")
TICKS, SETS = "prometheus_client Counter, bound", "prometheus_client Gauge, bound"


class Target(NamedTuple):
    """A figure and what it is held to."""

    what: str
    value: float
    target: float
    at_most: bool

    def verdict(self) -> str:
        """Return whether the figure meets the target."""
        if math.isnan(self.value):
            return "not measured"
        met = self.value <= self.target if self.at_most else self.value >= self.target
        return "met" if met else "not met"


def calls(found: Results) -> List[Target]:
    """Return the targets of a call."""
    block = "ours: with live.timer(name)"

    def call(subject: str, figure: str = "wall") -> float:
        return found.value("call", subject, figure)

    def cheaper(peer: str) -> float:
        return call(peer, "process_cpu") / call(block, "process_cpu")

    def instrument(peer: str, mine: str) -> float:
        return call(peer) / call("ours: " + mine)

    cpu, attribute = call(block, "process_cpu"), "OpenTelemetry SDK, an attribute"
    arguments, pair = call("ours: decorator, an argument"), call("ours: start() and stop()")
    return [
        Target("`with plugin.live.timer(name)`, wall, × floor", call(block), 3.6, True),
        Target("the same, CPU with folding and sending, × floor", cpu, 4.2, True),
        Target("`with kept`, a kept timer, × floor", call("ours: with a kept timer"), 2.7, True),
        Target(
            "cheaper than prometheus_client bound, CPU, ×",
            cheaper("prometheus_client, bound"),
            2.4,
            False,
        ),
        Target("cheaper than DogStatsD buffered, CPU, ×", cheaper("DogStatsD, buffered"), 5, False),
        Target("cheaper than OpenTelemetry, CPU, ×", cheaper("OpenTelemetry SDK"), 12, False),
        Target(
            "cheaper than OpenTelemetry with an attribute, CPU, ×", cheaper(attribute), 12, False
        ),
        Target("cheaper than `timeit`, CPU, ×", cheaper("pywaggle timeit"), 15, False),
        Target("decorator, call included, × floor", arguments, 2.6, True),
        Target("`start()`, `stop()`, × floor", pair, 2, True),
        *[
            Target(
                "`%s` cheaper than prometheus_client, ×" % mine.replace("(value)", "()"),
                instrument(peer, mine),
                1,
                False,
            )
            for mine, peer in (
                ("counter.inc()", TICKS),
                ("rate.tick()", TICKS),
                ("gauge.set(value)", SETS),
            )
        ],
    ]


def intake(found: Results) -> List[Target]:
    """Return the targets of taking in samples."""

    def cpu(subject: str) -> float:
        return found.value("intake", subject, "collector_cpu_per_million")

    def pair(row: Row) -> float:
        return float(row["plugin_cpu_per_million"] + row["collector_cpu_per_million"])

    pairs = {row["subject"]: pair(row) for row in found.of("pair")}
    mine = pairs.pop("ours + our collector", NAN)
    in_c = [name + ", UDP, 50 a packet" for name in ("netdata", "collectd")]
    cheapest_c = min((cpu(name) for name in in_c if found.one("intake", name)), default=NAN)
    return [
        Target("collector CPU, × the cheaper C statsd", cpu("ours") / cheapest_c, 1, True),
        Target(
            "plugin + collector CPU, × cheapest pair",
            mine / min(pairs.values(), default=NAN),
            0.5,
            True,
        ),
    ]


def scrapes(found: Results) -> List[Target]:
    """Return the targets of a scrape."""

    def faster(peer: str, lines: int, kind: str) -> float:
        rows = {"lines": lines, "kind": kind, "packed": False}
        mine = found.value("scrape", "ours", "ms", changed=1.0, **rows)
        return found.value("scrape", peer, "ms", **rows) / mine

    changed = {row["part"]: row["scrape_cpu_ms"] for row in found.of("changed")}
    halfway = (changed.get(0.0, NAN) + changed.get(1.0, NAN)) / 2
    return [
        *[
            Target(
                "scrape of {:,} lines of {}s, faster than {}, ×".format(size, kind, peer),
                faster(peer, size, kind),
                target,
                False,
            )
            for kind in ("timer", "gauge", "counter")
            for size in (10_000, 100_000)
            for peer, target in (("generate_latest", 10), ("Pushgateway", 1))
        ],
        Target(
            "scrape with half of the lines changed, × halfway of none and all",
            changed.get(0.5, NAN) / halfway,
            1.25,
            True,
        ),
        Target(
            "visible after `stop()`, p99, s",
            max((row["p99_s"] for row in found.of("visible")), default=NAN),
            0.5,
            True,
        ),
    ]


def orders(found: Results) -> List[Target]:
    """Return the targets of control."""

    def cost(figure: str) -> float:
        return found.value("orders", "ours", figure)

    def way(figure: str) -> float:
        return found.value("ordered", "ours", figure)

    return [
        Target("one `PUT` for 200 plugins × 4 knobs, ms", cost("first_ms"), 50, True),
        Target("its renewal each second, % of a core", cost("renewal_core_percent"), 2, True),
        Target("from `PUT` to the plugin, median, s", way("median_s"), 0.2, True),
        Target("the same, longest, s", way("max_s"), 0.5, True),
        Target(
            "the same on a core with three others, longest, s",
            found.value("ordered", "ours, on a core with 3 others", "max_s"),
            1,
            True,
        ),
    ]


def page(found: Results) -> List[Target]:
    """Return the targets of the page at ``/``."""

    def figure(case: str, name: str) -> float:
        return max((row[name] for row in found.of(case)), default=NAN)

    early, late = figure("page passing", "heap_mb_early"), figure("page passing", "heap_mb")
    return [
        Target("the page in Chromium, % of a core", figure("page", "chromium_percent"), 10, True),
        Target("the page on the wire, kB/s", figure("page", "wire_kb_per_s"), 30, True),
        Target("its memory after an hour of plugins that come and go, ×", late / early, 1.1, True),
    ]


def sampler(found: Results) -> List[Target]:
    """Return the targets of the sampler."""

    def first(case: str, figure: str) -> float:
        return max((row[figure] for row in found.of(case)), default=NAN)

    more = 100 * (first("overhead", "cpu_ratio") - 1)
    grew = first("overhead", "growth_percent_a_minute")
    off_total = 100 * abs(first("truth", "total_to_process") - 1)
    return [
        Target("sampler: shares off the truth, points", first("truth", "off_points"), 5, True),
        Target("a sleeping thread's share, %", first("truth", "sleeping_percent"), 1, True),
        Target("its total off the process's CPU, %", off_total, 10, True),
        Target("more CPU at 50 samples a second, %", more, 1, True),
        Target("more growth of memory, % a minute", grew, 0.2, True),
    ]


def loads(found: Results) -> List[Target]:
    """Return the targets of memory and of a node's load."""

    def load(subject: str, figure: str) -> float:
        return found.value("load", subject, figure)

    def memory(subject: str, figure: str) -> float:
        return found.value("memory", subject, figure)

    thousand = found.one("sessions", "1000 sessions x 20 timers")
    fifty = memory("ours, 50 plugins x 20 timers", "most_mib")
    once = memory("ours, idle, after its first scrape", "mib")
    client = found.one("client", "ours, 20 timers in use")
    busy, idle = "20 plugins, busy", "20 plugins, idle"
    return [
        Target("collector, a timer series, KiB", thousand.get("most_kib_a_series", NAN), 6, True),
        Target("collector, 50 × 20 timers, MiB", fifty, 50, True),
        Target("collector, idle, after its first scrape, MiB", once, 40, True),
        Target("client adds, MiB", client.get("added_mib", NAN), 3, True),
        Target(
            "client's import over pywaggle's, ms",
            found.value("client", "ours, imported", "import_ms"),
            20,
            True,
        ),
        Target(
            "collector, 20 busy plugins, % of a core", load(busy, "collector_percent"), 2.2, True
        ),
        Target("client, busy, % of a core", load(busy, "client_percent"), 0.25, True),
        Target(
            "collector, 20 idle plugins, % of a core", load(idle, "collector_percent"), 0.5, True
        ),
        Target(
            "series missing of 1,000 sessions × 20 timers",
            20_000 - thousand.get("series", NAN),
            0,
            True,
        ),
        Target(
            "samples lost in a loop of millions a second",
            found.value("hot loop", "counter.inc() without a pause", "lost"),
            0,
            True,
        ),
    ]


def kept(found: Results) -> List[Target]:
    """Return the targets of native histograms in Prometheus, as ratios to the text."""

    def fewer(case: str, figure: str, **more: Any) -> float:
        native = found.value(case, "native, live=0", figure, **more)
        return found.value(case, "text", figure, **more) / native

    return [
        Target("native, live=0: fewer samples a scrape, ×", fewer("kept", "samples"), 4, False),
        Target("native, live=0: fewer series, ×", fewer("kept", "series"), 8, False),
        Target(
            "native, live=0: less CPU of Prometheus, ×",
            fewer("fleet", "percent_of_a_core", nodes=100),
            2.5,
            False,
        ),
        Target("1,000 timers: fewer series, ×", fewer("thousand", "series"), 8, False),
        Target(
            "1,000 timers: less CPU of Prometheus, ×",
            fewer("thousand", "percent_of_a_core"),
            2.5,
            False,
        ),
    ]


def targets(found: Results) -> List[Target]:
    """Return all targets."""
    families = (calls, intake, scrapes, orders, page, sampler, loads, kept)
    return [target for family in families for target in family(found)]


def bar(found: Results) -> str:
    """Return the table of the targets."""
    rows: List[Any] = [
        (
            each.what,
            "" if math.isnan(each.value) else "%.3g" % each.value,
            ("≤ %g" if each.at_most else "≥ %g") % each.target,
            each.verdict(),
        )
        for each in targets(found)
    ]
    return table(("", "measured", "target", ""), rows)
