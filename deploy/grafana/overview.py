"""The first row of the dashboard: numbers of the fleet, a table of plugins, and their states."""

from grafana_foundation_sdk.builders import statetimeline

from deploy.grafana.expressions import NODE, PLUGIN, POINT, Timers, ends, grown, rows, state, states
from deploy.grafana.panels import (
    OF_PLUGIN,
    PANEL_HEIGHT,
    SOURCE,
    Columns,
    Panel,
    bounds,
    number,
    query,
    state_names,
)

WHO = "vsn, plugin_task, plugin_job"
#: One row of the table of plugins, and the labels that are its columns.
IDENTITY = f"instance, {WHO}, plugin"
NAMES = {"plugin": "plugin", "plugin_task": "task", "plugin_job": "job", "vsn": "node"}
NO_NODE = "No node is scraped. Name it in targets/nodes.json."
NO_PLUGIN = "No plugin has reported. Port 9090 of the node shows who is connected."


def overview(timers: Timers, uid: str) -> list[Panel]:
    """Return what one looks at first."""
    refused = f"sum({grown('waggle_collector_refusals_total', NODE, '1h')})"
    return [
        number("Nodes that answer", f"sum(up{{{NODE}}})", NO_NODE),
        number("Nodes that don't", f"sum(1 - up{{{NODE}}})", NO_NODE),
        number("Plugins up", f"sum(waggle_plugin_up{{{PLUGIN}}})", "none yet"),
        number("Plugins that have ended", f"sum(1 - waggle_plugin_up{{{PLUGIN}}})", "none yet"),
        number("Ends, 1 h", f"sum by (status) ({ends('1h')})", "none yet", "{{status}}"),
        number("Refusals, 1 h", refused, "none"),
        plugins(timers, uid),
        plugin_states(),
    ]


def plugins(timers: Timers, uid: str) -> Panel:
    """Return a table with one row per plugin, those that need a look first."""
    up, silent = (f"waggle_plugin_{name}{{{PLUGIN}}}" for name in ("up", "silent_seconds"))
    first = f"{up} - 2 * ({silent} > bool 0) or {up}"

    def by(aggregation: str, expression: str) -> str:
        return f"{aggregation} by ({IDENTITY}) ({expression})"

    def rate(family: str) -> str:
        return f"rate({family}{{{PLUGIN}}}{POINT})"

    def add(name: str, expression: str, **properties: object) -> None:
        columns.add(name, rows(expression, IDENTITY, first), **properties)

    columns = Columns("Plugins", NAMES, NO_PLUGIN)
    add("state", state(IDENTITY), mappings=state_names())
    add("fps", by("max", rate("waggle_rate_events_total")), unit="short", decimals=1)
    slow = bounds((1, "orange"), (10, "red"))
    add("worst p95", timers.worst("0.95", IDENTITY), unit="s", thresholds=slow)
    failures = grown("waggle_timer_failures_total", PLUGIN, "$__range")
    some = bounds((0.5, "orange"))
    add("failures", by("sum", failures), unit="short", decimals=0, thresholds=some)
    busy = bounds((1, "orange"), (4, "red"))
    cpu = rate("waggle_plugin_cpu_seconds_total")
    add("CPU", by("sum", cpu), unit="percentunit", thresholds=busy)
    large = bounds((1e9, "orange"), (4e9, "red"))
    memory = f"waggle_plugin_memory_bytes{{{PLUGIN}}}"
    add("memory", by("sum", memory), unit="decbytes", thresholds=large)
    began = by("min", f"waggle_plugin_start_timestamp_seconds{{{PLUGIN}}}")
    add("age", f"time() - {began}", unit="s")
    only = f"/d/{uid}?${{__url_time_range}}&var-vsn=${{__data.fields.node}}"
    link = {"title": "Only this task", "url": f"{only}&var-task=${{__data.fields.task}}"}
    columns.show("task", links=[link])
    return columns.panel(
        "500 plugins at most: first those that are silent, then those that have ended. fps is "
        "the highest of a plugin's rates. CPU: 100 % is one core. Failures are blocks that raised, "
        "over the whole time. Age is since the oldest process began, by the node's clock."
    )


def plugin_states() -> Panel:
    """Return when plugins were up, silent and ended."""
    panel = statetimeline.Panel().title("States").datasource(SOURCE).span(24)
    panel = panel.height(PANEL_HEIGHT).no_value(NO_PLUGIN).mappings(state_names())
    panel = panel.description("Of the plugins that were silent, or up for the shortest part.")
    return panel.with_target(query(states(), OF_PLUGIN).ref_id("A"))
