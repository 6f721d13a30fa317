"""The bar: what has to be met, beside what was measured."""

import math

from .results import Results, Row, table


def verdict(value: float, must: float, dream: float, at_most: bool) -> str:
    """Return whether a figure meets the bar."""
    if math.isnan(value):
        return "not measured"
    sign = 1 if at_most else -1
    if sign * value <= sign * dream:
        return "dream"
    return "must" if sign * value <= sign * must else "**falls short**"


def bar(found: Results) -> str:
    """Return the table of the bar."""
    block = "ours: with live.timer(name)"

    def call(subject: str, figure: str = "wall") -> float:
        return found.value("call", subject, figure)

    def cheaper(peer: str) -> float:
        return call(peer, "process_cpu") / call(block, "process_cpu")

    def instrument(peer: str, mine: str) -> float:
        return call(peer) / call("ours: " + mine)

    def intake(subject: str) -> float:
        return found.value("intake", subject, "collector_cpu_per_million")

    def faster(peer: str, lines: int, kind: str) -> float:
        rows = {"lines": lines, "kind": kind, "packed": False}
        mine = found.value("scrape", "ours", "ms", changed=1.0, **rows)
        return found.value("scrape", peer, "ms", **rows) / mine

    def pair(row: Row) -> float:
        return float(row["plugin_cpu_per_million"] + row["collector_cpu_per_million"])

    def ratio_to_cheapest_pair() -> float:
        pairs = found.of("pair")
        peers = [pair(row) for row in pairs if row["subject"] != "ours + our collector"]
        mine = found.one("pair", "ours + our collector")
        return pair(mine) / min(peers) if mine and peers else float("nan")

    cheapest_c = [
        intake(name + ", UDP, 50 a packet")
        for name in ("netdata", "collectd")
        if found.one("intake", name + ", UDP, 50 a packet")
    ]

    def linear() -> float:
        part = [
            found.value("changed", "%d %% of 600 timers changed" % n, "scrape_cpu_ms")
            for n in (0, 50, 100)
        ]
        return 2 * part[1] / (part[0] + part[2])

    thousand = found.one("sessions", "1000 sessions x 20 timers")
    nan = float("nan")
    most = max((row["p99_s"] for row in found.of("visible")), default=nan)
    memory = found.value("memory", "ours, 50 plugins x 20 timers", "most_mib")
    ticks, sets = "prometheus_client Counter, bound", "prometheus_client Gauge, bound"
    lines = [
        ("`with plugin.live.timer(name)`, wall, × floor", call(block), 3.6, 2.6, True),
        (
            "the same, CPU with folding and sending, × floor",
            call(block, "process_cpu"),
            4.2,
            3,
            True,
        ),
        (
            "`with kept`, a timer that is kept, × floor",
            call("ours: with a kept timer"),
            2.7,
            2,
            True,
        ),
        (
            "cheaper than prometheus_client bound, CPU",
            cheaper("prometheus_client, bound"),
            2.4,
            4,
            0,
        ),
        ("cheaper than DogStatsD buffered, CPU", cheaper("DogStatsD, buffered"), 5, 7, 0),
        ("cheaper than OpenTelemetry, CPU", cheaper("OpenTelemetry SDK"), 12, 15, 0),
        (
            "cheaper than OpenTelemetry with an attribute, CPU",
            cheaper("OpenTelemetry SDK, an attribute"),
            12,
            15,
            0,
        ),
        ("cheaper than `timeit`, CPU", cheaper("pywaggle timeit"), 15, 20, 0),
        ("decorator, call included, × floor", call("ours: decorator, an argument"), 2.6, 1.5, True),
        ("`start()`, `stop()`, × floor", call("ours: start() and stop()"), 2, 1.5, True),
        (
            "`counter.inc()` cheaper than prometheus_client",
            instrument(ticks, "counter.inc()"),
            1,
            3,
            0,
        ),
        ("`rate.tick()` cheaper than prometheus_client", instrument(ticks, "rate.tick()"), 1, 3, 0),
        (
            "`gauge.set()` cheaper than prometheus_client",
            instrument(sets, "gauge.set(value)"),
            1,
            3,
            0,
        ),
        (
            "collector CPU, × the cheaper C statsd",
            intake("ours") / min(cheapest_c, default=nan),
            1,
            0.25,
            True,
        ),
        ("plugin + collector CPU, × cheapest pair", ratio_to_cheapest_pair(), 0.5, 0.25, True),
        *[
            (
                "scrape of {:,} lines of {}s, faster than {}".format(size, kind, peer),
                faster(peer, size, kind),
                must,
                dream,
                False,
            )
            for kind in ("timer", "gauge")
            for size in (10_000, 100_000)
            for peer, must, dream in (("generate_latest", 10, 20), ("Pushgateway", 1, 3))
        ],
        ("visible after `stop()`, p99, s", most, 0.5, 0.3, True),
        ("collector memory, 50 × 20 timers, MiB", memory, 60, 45, True),
        (
            "client adds, MiB",
            found.value("client", "ours, 20 timers in use", "added_mib"),
            3,
            1,
            True,
        ),
        (
            "client's import over pywaggle's, ms",
            found.value("client", "ours, imported", "import_ms"),
            20,
            10,
            True,
        ),
        (
            "idle collector, 20 plugins, % of a core",
            found.value("idle", "ours, 20 idle plugins", "percent_of_a_core"),
            0.5,
            0.1,
            True,
        ),
        # Of growth the aims name no figures but these: nothing is lost, nothing missing, and half
        # of the changes cost what lies halfway.
        (
            "series missing of 1,000 sessions × 20 timers",
            20_000.0 - thousand["series"] if thousand else nan,
            0,
            0,
            True,
        ),
        (
            "scrape with half of the lines changed, × halfway of none and all",
            linear(),
            1.25,
            1.1,
            True,
        ),
        (
            "samples lost in a loop of millions a second",
            found.value("hot loop", "counter.inc() without a pause", "lost"),
            0,
            0,
            True,
        ),
    ]
    return table(
        ("", "measured", "must", "dream", "meets"),
        [
            (
                what,
                "%.3g" % value,
                ("≤ %g" if at_most else "≥ %g") % must,
                ("≤ %g" if at_most else "≥ %g") % dream,
                verdict(value, must, dream, bool(at_most)),
            )
            for what, value, must, dream, at_most in lines
        ],
    )
