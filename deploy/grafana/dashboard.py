"""Makes the Grafana dashboards: ``python -m deploy.grafana.dashboard`` writes them.

``waggle-live.json`` is for timers that are scraped as classic histograms,
``waggle-live-native.json`` for native ones. Change this file, not the JSON; a test compares them.
Rates and quantiles over the range that is looked at come from counters and histograms, so they are
right at any interval of scrapes. Only families that stand in ``/metrics?live=0`` are asked for.
"""

from itertools import count
from pathlib import Path

from grafana_foundation_sdk.builders import (
    dashboard,
    heatmap,
    prometheus,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from deploy.grafana.expressions import FORMS, NODE, PLUGIN, SERIES, Timers, ends, total

PATHS = {
    form: Path(__file__).with_name(name)
    for form, name in (("classic", "waggle-live.json"), ("native", "waggle-live-native.json"))
}
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
WHO = "vsn, plugin_task, plugin_job"
#: One row of the table of plugins; what its queries have in common.
IDENTITY = f"{WHO}, plugin"
#: A family of each kind of series, which both forms have.
NAMED = "waggle_(timer_failures|rate_events|count)_total|waggle_value"
PANEL_HEIGHT = 8
STAT_HEIGHT = 4

Panel = timeseries.Panel | stat.Panel | table.Panel | heatmap.Panel


def query(expression: str, legend: str = "") -> prometheus.Dataquery:
    """Return one query of a panel."""
    return prometheus.Dataquery().expr(expression).legend_format(legend).datasource(SOURCE)


def curves(title: str, unit: str, queries: dict[str, str], description: str = "") -> Panel:
    """Return a panel of curves over time; ``queries`` are expressions by legend."""
    panel = timeseries.Panel().title(title).unit(unit).description(description)
    panel = panel.datasource(SOURCE).span(12).height(PANEL_HEIGHT).fill_opacity(5)
    for number, (legend, expression) in enumerate(queries.items()):
        panel = panel.with_target(query(expression, legend).ref_id(chr(ord("A") + number)))
    return panel


def number(title: str, expression: str, legend: str = "") -> Panel:
    """Return a panel of one number as it is now, or of one per series, by ``legend``."""
    panel = stat.Panel().title(title).datasource(SOURCE).span(4).height(STAT_HEIGHT)
    return panel.with_target(query(expression, legend).instant().ref_id("A"))


def per_plugin() -> Panel:
    """Return a table with one row per plugin: who it is, and what it publishes and uses."""

    def now(family: str) -> str:
        return f"sum by ({IDENTITY}) ({family}{{{PLUGIN}}})"

    def rate(family: str) -> str:
        return f"sum by ({IDENTITY}) (rate({family}{{{PLUGIN}}}[$__rate_interval]))"

    columns = {
        "up": f"waggle_plugin_info{{{PLUGIN}}} * on (job, instance, plugin, plugin_task, "
        "plugin_job) group_left () waggle_plugin_up",
        "published": rate("waggle_plugin_messages_total"),
        "uploads": rate("waggle_plugin_uploads_total"),
        "CPU": rate("waggle_plugin_cpu_seconds_total"),
        "memory": now("waggle_plugin_memory_bytes"),
        "processes": now("waggle_plugin_sessions"),
        "silent": now("waggle_plugin_silent_seconds"),
    }
    units = {"published": "ops", "uploads": "ops", "CPU": "percentunit", "memory": "bytes"}
    panel = table.Panel().title("Plugins").datasource(SOURCE).span(24).height(PANEL_HEIGHT)
    panel = panel.no_value("\u2013")
    names = {}
    for ref, (name, expression) in zip("ABCDEFG", columns.items(), strict=True):
        target = query(expression).instant().format(PromQueryFormat.TABLE).ref_id(ref)
        panel = panel.with_target(target)
        names[f"Value #{ref}"] = name
    for name, unit in {**units, "silent": "s"}.items():
        panel = panel.override_by_name(name, [DynamicConfigValue(id_val="unit", value=unit)])
    left_out = dict.fromkeys(("Time", "job", "instance", "node_id"), True)
    arranged = {"renameByName": names, "excludeByName": left_out}
    panel = panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
    return panel.with_transformation(DataTransformerConfig(id_val="organize", options=arranged))


def overview() -> list[Panel]:
    """Return what one looks at first."""
    return [
        number("Nodes that answer", f"sum(up{{{NODE}}})"),
        number("Nodes that don't", f"sum(1 - up{{{NODE}}})"),
        number("Plugins up", f"sum(waggle_plugin_up{{{PLUGIN}}})"),
        number("Plugins that have ended", f"sum(1 - waggle_plugin_up{{{PLUGIN}}})"),
        number("Ends, 1 h", f"sum by (status) ({ends('1h')})", "{{status}}"),
        number("Refusals, 1 h", f"sum(increase(waggle_collector_refusals_total{{{NODE}}}[1h]))"),
        per_plugin(),
    ]


def instruments(timers: Timers) -> list[Panel]:
    """Return what authors record."""
    series = "{{vsn}} {{plugin_task}} {{name}}"
    quantiles = {f"{series} p{round(q * 100)}": timers.quantile(q) for q in (0.5, 0.95, 0.99)}
    spread = heatmap.Panel().title("Spread of durations").description(timers.spread_of)
    spread = spread.datasource(SOURCE).span(12).height(PANEL_HEIGHT).calculate(False)
    spread = spread.with_target(
        query(timers.spread(), "{{le}}").format(PromQueryFormat.HEATMAP).ref_id("A")
    )
    rough = "Where buckets are classic they end at powers of two: a quantile may be twice another."
    return [
        curves("Events", "ops", {series: total("waggle_rate_events_total")}),
        curves("Rate, last 10 s", "ops", {series: f"waggle_rate_per_second{{{SERIES}}}"}),
        curves("Duration, quantiles", "s", quantiles, rough),
        curves("Duration, mean", "s", {series: timers.mean()}),
        curves("Share of the time", "percentunit", {series: timers.seconds()}),
        spread,
        curves("Blocks that raised", "ops", {series: total("waggle_timer_failures_total")}),
        curves("Gauges", "short", {series: f"waggle_value{{{SERIES}}}"}),
        curves("Counters", "ops", {series: total("waggle_count_total")}),
        curves(
            "Minutes without an event",
            "m",
            {"{{vsn}} {{plugin_task}}": f"task:waggle_plugin_idle:minutes{{{PLUGIN}}}"},
            "Since a timer, rate or counter of the plugin last rose, by a rule of each minute.",
        ),
    ]


def resources() -> list[Panel]:
    """Return what plugins use, publish and complain of."""
    plugin = "{{vsn}} {{plugin_task}}"

    def rates(family: str, *labels: str) -> str:
        by = ", ".join((WHO, *labels))
        return f"sum by ({by}) (rate({family}{{{PLUGIN}}}[$__rate_interval]))"

    def functions(clock: str) -> dict[str, str]:
        legend = plugin + " {{function}} ({{profiler}})"
        # Of each node and task, so that a busy one doesn't hide the others.
        of = f'{PLUGIN}, function!="__idle__"'
        seconds = f"rate(waggle_function_{clock}_total{{{of}}}[$__rate_interval])"
        by = f"sum by ({WHO}, function, profiler) ({seconds})"
        return {legend: f"topk by (vsn, plugin_task, profiler) (5, {by})"}

    return [
        curves("CPU, cores", "short", {plugin: rates("waggle_plugin_cpu_seconds_total")}),
        curves("Memory", "bytes", {plugin: f"waggle_plugin_memory_bytes{{{PLUGIN}}}"}),
        curves(
            "Published",
            "ops",
            {
                plugin + " {{name}}": rates("waggle_plugin_messages_total", "name"),
                plugin + " uploads": rates("waggle_plugin_uploads_total"),
            },
        ),
        curves(
            "Ends, last hour",
            "short",
            {plugin + " {{status}}": f"sum by (vsn, plugin_task, status) ({ends('1h')})"},
            "Lost is no judgement: a stop without `waggle-live run` looks the same.",
        ),
        curves(
            "Problems",
            "ops",
            {plugin + " {{reason}}": rates("waggle_plugin_problems_total", "reason")},
        ),
        curves(
            "Knobs",
            "short",
            {plugin + " {{name}}": f"waggle_knob_value{{{PLUGIN}}}"},
            "Values of knobs that are numbers; a bool is 0 or 1.",
        ),
        curves(
            "Knobs held by a lease",
            "short",
            {plugin: f"sum by ({WHO}) (waggle_knob_leased{{{PLUGIN}}})"},
            "At 0 each knob is at its default or pinned.",
        ),
        curves(
            "Functions by CPU, cores",
            "short",
            functions("exclusive_cpu_seconds"),
            "The five that work most, without what they call.",
        ),
        curves(
            "Functions by time",
            "percentunit",
            functions("exclusive_seconds"),
            "The five that take most time, waiting included, in all threads together.",
        ),
    ]


def collectors() -> list[Panel]:
    """Return how the collectors do."""

    def rate(family: str) -> str:
        return f"rate({family}{{{NODE}}}[$__rate_interval])"

    scrape = "waggle_collector_scrape_seconds"
    return [
        curves("Series", "short", {"{{vsn}}": f"waggle_collector_series{{{NODE}}}"}),
        curves("Sessions", "short", {"{{vsn}} {{state}}": f"waggle_collector_sessions{{{NODE}}}"}),
        curves(
            "Refusals",
            "ops",
            {"{{vsn}} {{principal}} {{reason}}": rate("waggle_collector_refusals_total")},
        ),
        curves(
            "Lost for lack of room",
            "ops",
            {"{{vsn}} {{principal}} {{what}}": rate("waggle_collector_budget_losses_total")},
        ),
        curves(
            "Time to render a scrape",
            "s",
            {"{{vsn}}": f"{rate(scrape + '_sum')} / {rate(scrape + '_count')}"},
        ),
        curves(
            "CPU, cores",
            "short",
            {"{{vsn}}": rate("process_cpu_seconds_total")},
        ),
        curves(
            "Memory",
            "bytes",
            {"{{vsn}}": f"process_resident_memory_bytes{{{NODE}}}"},
        ),
        curves(
            "Failed writes of the state file",
            "ops",
            {"{{vsn}}": rate("waggle_collector_state_write_failures_total")},
        ),
    ]


def variable(name: str, label: str, values: str) -> dashboard.QueryVariable:
    """Return a choice of one, several or all values of a label."""
    choice = dashboard.QueryVariable(name).label(label).datasource(SOURCE)
    choice = choice.query(f"label_values({values})").multi(True).include_all(True)
    choice = choice.all_value(".*").sort(VariableSort.ALPHABETICAL_ASC)
    return choice.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)


def build(form: str) -> str:
    """Return the dashboard for one form of histograms as JSON."""
    native = form == "native"
    board = (
        dashboard.Dashboard("Waggle Live, native histograms" if native else "Waggle Live")
        .uid("waggle-live-native" if native else "waggle-live")
        .description("Plugins of Waggle nodes: made by deploy/grafana/dashboard.py.")
        .tags(["waggle"])
        .time("now-1h", "now")
        .refresh("30s")
        .with_variable(dashboard.DatasourceVariable("datasource").type("prometheus"))
        .with_variable(variable("vsn", "Node", 'up{job="waggle-live"}, vsn'))
        .with_variable(variable("plugin", "Plugin", f"waggle_plugin_info{{{NODE}}}, plugin"))
        .with_variable(
            variable(
                "task", "Task", f'waggle_plugin_info{{{NODE}, plugin=~"$plugin"}}, plugin_task'
            )
        )
        .with_variable(variable("name", "Name", f'{{__name__=~"{NAMED}", {PLUGIN}}}, name'))
    )
    ids = count(1)
    for title, panels in (
        ("Overview", overview()),
        ("Instruments", instruments(FORMS[form])),
        ("Plugins", resources()),
        ("Collectors", collectors()),
    ):
        board = board.with_row(dashboard.Row(title).id(next(ids)))
        for panel in panels:
            board = board.with_panel(panel.id(next(ids)))
    return JSONEncoder(sort_keys=True, indent=2).encode(board.build()) + "\n"


if __name__ == "__main__":
    for form, path in PATHS.items():
        path.write_text(build(form), encoding="utf-8")
