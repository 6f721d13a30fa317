"""The rows of the dashboard below the overview, and the words of panels that are empty."""

from grafana_foundation_sdk.builders import heatmap
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from deploy.grafana.expressions import (
    NODE,
    PLUGIN,
    POINT,
    WHOLE,
    Timers,
    last_hour,
    most,
    rates,
    rates_by,
    rows,
    values,
)
from deploy.grafana.overview import IDENTITY, NAMES, NO_NODE, NO_PLUGIN, WHO
from deploy.grafana.panels import (
    OF_PLUGIN,
    PANEL_HEIGHT,
    SOURCE,
    Columns,
    Panel,
    bounds,
    curves,
    instrument,
    query,
)

WIDEN = "Or choose other nodes, jobs, tasks or names above."


def instruments(timers: Timers) -> list[Panel]:
    """Return what authors record."""
    no_rate = f'No events. plugin.live.rate("fps").tick() counts one. {WIDEN}'
    no_timer = f"No blocks. \"with plugin.live.timer('inference'):\" times one. {WIDEN}"
    spread = heatmap.Panel().title("Spread of durations").description(timers.spread_of)
    spread = spread.datasource(SOURCE).span(12).height(PANEL_HEIGHT).calculate(False)
    spread = spread.no_value(no_timer).with_target(
        query(timers.spread(), "{{le}}").format(PromQueryFormat.HEATMAP).ref_id("A")
    )
    rough = "Where buckets are classic they end at powers of two: a quantile may be twice another."
    quantile = most(timers.quantile("$quantile", POINT), timers.quantile("$quantile", WHOLE))
    idle = f'task:waggle_plugin_idle:minutes{{{NODE}, plugin=~"$plugin", plugin_task=~"$task"}}'
    return [
        instrument("Events", "ops", rates("waggle_rate_events_total"), no_rate),
        instrument(
            "Blocks of a rate, 1 / mean duration",
            "ops",
            values("waggle_rate_block_per_second"),
            f"No rate is used as a block. \"with plugin.live.rate('detector'):\" is one. {WIDEN}",
        ),
        instrument("Duration, quantile $quantile", "s", quantile, no_timer, rough),
        instrument("Duration, mean", "s", most(timers.mean(POINT), timers.mean(WHOLE)), no_timer),
        instrument(
            "Share of the time",
            "percentunit",
            most(timers.seconds(POINT), timers.seconds(WHOLE)),
            no_timer,
            "Blocks per second, times their mean duration: 100 % keeps one thread busy.",
        ),
        spread,
        instrument("Blocks that raised", "ops", rates("waggle_timer_failures_total"), no_timer),
        instrument(
            "Gauges",
            "short",
            values("waggle_value"),
            f'No gauge. plugin.live.gauge("cars").set(3) sets one. {WIDEN}',
        ),
        instrument(
            "Counters",
            "ops",
            rates("waggle_count_total"),
            f'No counter. plugin.live.counter("frames").inc() counts. {WIDEN}',
        ),
        curves(
            "Minutes without an event",
            "m",
            {
                "{{plugin_task}} {{vsn}}": most(idle, f"max_over_time({idle}{WHOLE})"),
            },
            "No rule has recorded it. Load rules/*.yml in Prometheus, and wait for a minute.",
            "Since a timer, rate or counter of the plugin last rose, by a rule of each minute.",
        ),
    ]


def functions() -> list[Panel]:
    """Return where the time goes, by the profiler that saw it."""
    legend = "{{function}} ({{profiler}}) " + OF_PLUGIN
    labels = f"{WHO}, function, profiler"
    empty = "No profile. Start the plugin with WAGGLE_LIVE_PROFILE=50."
    chosen = f'{PLUGIN}, function!="__idle__"'

    def rate(clock: str) -> dict[str, str]:
        return {legend: rates_by(f"waggle_function_{clock}_total", labels, chosen)}

    return [
        curves(
            "Functions by CPU, cores",
            "short",
            rate("exclusive_cpu_seconds"),
            empty,
            "Those that work most, without what they call.",
        ),
        curves(
            "Functions by time",
            "percentunit",
            rate("exclusive_seconds"),
            empty,
            "Those that take most time, waiting included, in all threads together.",
        ),
    ]


def knobs() -> list[Panel]:
    """Return what others may set, and what is set."""
    labels = f"{IDENTITY}, name"
    empty = f'No knob. plugin.live.knob("resolution", default=720) offers one. {WIDEN}'
    leased = f"waggle_knob_leased{{{PLUGIN}}}"

    def add(name: str, aggregation: str, family: str, by: str = labels) -> None:
        expression = f"{aggregation} by ({by}) ({family}{{{PLUGIN}}})"
        columns.add(name, rows(expression, labels, f"1 - {leased}"), **properties.get(name, {}))

    properties = {"leased": {"thresholds": bounds((1, "orange"))}}
    columns = Columns("Knobs", {"name": "knob", "value": "text", **NAMES}, empty)
    add("value", "max", "waggle_knob_value")
    add("default", "max", "waggle_knob_default")
    add("leased", "max", "waggle_knob_leased")
    add("changes", "sum", "waggle_knob_changes_total")
    add("is text", "max", "waggle_knob_info", f"{labels}, value")
    columns.show("is text", **{"custom.hidden": True})
    table = columns.panel(
        "The 500 knobs at most, leased ones first. A bool is 0 or 1. Changes are since the plugin "
        "was first seen: by leases, and back to the default."
    )
    return [
        table,
        curves(
            "Knobs",
            "short",
            {"{{name}} " + OF_PLUGIN: values("waggle_knob_value", PLUGIN)},
            empty,
            "Values of knobs that are numbers.",
        ),
        curves(
            "Values of knobs in quarantine",
            "short",
            {"{{vsn}}": f"{values('waggle_collector_quarantined_values', NODE)} > 0"},
            "None. A value is in quarantine when its plugin ended twice soon after it.",
            "DELETE /api/v1/quarantine takes them out.",
        ),
        curves(
            "Leases that nobody renewed, last hour",
            "short",
            {"{{vsn}}": last_hour("waggle_collector_lease_expirations_total", "vsn", NODE)},
            "None. Each lease was renewed or released.",
            "A controller was killed, hangs, or can't reach the node.",
        ),
    ]


def resources() -> list[Panel]:
    """Return what plugins use, publish and complain of."""
    return [
        curves(
            "CPU, cores",
            "short",
            {OF_PLUGIN: rates_by("waggle_plugin_cpu_seconds_total", WHO)},
            NO_PLUGIN,
        ),
        curves(
            "Memory",
            "decbytes",
            {OF_PLUGIN: values("waggle_plugin_memory_bytes", PLUGIN)},
            NO_PLUGIN,
        ),
        curves(
            "Published",
            "ops",
            {
                "{{name}} " + OF_PLUGIN: rates_by("waggle_plugin_messages_total", f"{WHO}, name"),
                "uploads " + OF_PLUGIN: rates_by("waggle_plugin_uploads_total", WHO),
            },
            "Nothing was published. waggle_live.Plugin counts publish() and upload_file().",
        ),
        curves(
            "Ends, last hour",
            "short",
            {
                "{{status}} " + OF_PLUGIN: last_hour(
                    "waggle_plugin_exits_total", f"{WHO}, status", PLUGIN
                )
            },
            "No process has ended.",
            "Lost is no judgement: a stop without `waggle-live run` looks the same.",
        ),
        curves(
            "Problems, last hour",
            "short",
            {
                "{{reason}} " + OF_PLUGIN: last_hour(
                    "waggle_plugin_problems_total", f"{WHO}, reason", PLUGIN
                )
            },
            "None. Plugins met no bound of the client.",
        ),
    ]


def collectors() -> list[Panel]:
    """Return how the collectors do."""

    def rate(family: str, labels: str = "vsn") -> str:
        return rates_by(family, labels, NODE)

    def of(window: str) -> str:
        seconds, scrapes = (
            f"rate(waggle_collector_scrape_seconds_{part}{{{NODE}}}{window})"
            for part in ("sum", "count")
        )
        return f"{seconds} / {scrapes}"

    return [
        curves("Series", "short", {"{{vsn}}": values("waggle_collector_series", NODE)}, NO_NODE),
        curves(
            "Sessions",
            "short",
            {"{{state}} {{vsn}}": values("waggle_collector_sessions", NODE)},
            NO_NODE,
        ),
        curves(
            "Refusals, last hour",
            "short",
            {
                "{{reason}} {{principal}} {{vsn}}": last_hour(
                    "waggle_collector_refusals_total", "vsn, principal, reason", NODE
                )
            },
            "None. Each collector took all that it was sent.",
        ),
        curves(
            "Lost for lack of room, last hour",
            "short",
            {
                "{{what}} {{principal}} {{vsn}}": last_hour(
                    "waggle_collector_budget_losses_total", "vsn, principal, what", NODE
                )
            },
            "None. The memory of each collector was enough.",
        ),
        curves("Time to render a scrape", "s", {"{{vsn}}": most(of(POINT), of(WHOLE))}, NO_NODE),
        curves("CPU, cores", "short", {"{{vsn}}": rate("process_cpu_seconds_total")}, NO_NODE),
        curves(
            "Memory",
            "decbytes",
            {"{{vsn}}": values("process_resident_memory_bytes", NODE)},
            NO_NODE,
        ),
        curves(
            "Failed writes of the state file, last hour",
            "short",
            {"{{vsn}}": last_hour("waggle_collector_state_write_failures_total", "vsn", NODE)},
            "None. Each collector could write its file.",
        ),
    ]
