"""Makes the Grafana dashboards: ``python -m deploy.grafana.dashboard`` writes them.

``waggle-live.json`` is for timers that are scraped as classic histograms,
``waggle-live-native.json`` for native ones. Change this file, not the JSON; a test compares them.
Rates and quantiles over the range that is looked at come from counters and histograms, so they are
right at any interval of scrapes. Only families that stand in ``/metrics?live=0`` are asked for.
"""

from itertools import count
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from deploy.grafana.expressions import FORMS, NODE, PLUGIN
from deploy.grafana.overview import overview
from deploy.grafana.panels import SOURCE
from deploy.grafana.rows import collectors, functions, instruments, knobs, resources

PATHS = {
    form: Path(__file__).with_name(name)
    for form, name in (("classic", "waggle-live.json"), ("native", "waggle-live-native.json"))
}
UIDS = {"classic": "waggle-live", "native": "waggle-live-native"}
TITLES = {"classic": "Waggle Live", "native": "Waggle Live, native histograms"}
#: A family of each kind of series, which both forms have.
NAMED = "waggle_(timer_failures|rate_events|count)_total|waggle_value"


def variable(name: str, label: str, values: str) -> dashboard.QueryVariable:
    """Return a choice of one, several or all values of a label."""
    choice = dashboard.QueryVariable(name).label(label).datasource(SOURCE)
    choice = choice.query(f"label_values({values})").multi(True).include_all(True)
    choice = choice.all_value(".*").sort(VariableSort.ALPHABETICAL_ASC)
    choice = choice.current(VariableOption(text="All", value="$__all"))
    return choice.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)


def fixed(name: str, label: str, values: str, default: str) -> dashboard.CustomVariable:
    """Return a choice of one of some values."""
    choice = dashboard.CustomVariable(name).label(label).values(values)
    return choice.current(VariableOption(text=default, value=default))


def build(form: str) -> str:
    """Return the dashboard for one form of histograms as JSON."""
    # Each is narrowed by those before it. waggle_plugin_up has one series a plugin, no more.
    of_node = f"waggle_plugin_up{{{NODE}"
    of_plugin = f'{of_node}, plugin=~"$plugin"'
    of_job = f'{of_plugin}, plugin_job=~"$job"'
    board = (
        dashboard.Dashboard(TITLES[form])
        .uid(UIDS[form])
        .description("Plugins of Waggle nodes: made by deploy/grafana/dashboard.py.")
        .tags(["waggle"])
        .time("now-1h", "now")
        .refresh("30s")
        .with_variable(dashboard.DatasourceVariable("datasource").type("prometheus"))
        .with_variable(variable("vsn", "Node", 'up{job="waggle-live"}, vsn'))
        .with_variable(variable("plugin", "Plugin", f"{of_node}}}, plugin"))
        .with_variable(variable("job", "Job", f"{of_plugin}}}, plugin_job"))
        .with_variable(variable("task", "Task", f"{of_job}}}, plugin_task"))
        .with_variable(variable("name", "Name", f'{{__name__=~"{NAMED}", {PLUGIN}}}, name'))
        .with_variable(fixed("quantile", "Quantile", "0.5,0.9,0.95,0.99", "0.95"))
        .with_variable(fixed("most", "Curves a panel", "10,20,50,100,500", "20"))
    )
    ids = count(1)
    for title, panels in (
        ("Overview", overview(FORMS[form], UIDS[form])),
        ("Instruments: $task", instruments(FORMS[form])),
        ("Functions: $task", functions()),
        ("Knobs: $task", knobs()),
        ("Plugins: $task", resources()),
        ("Collectors: $vsn", collectors()),
    ):
        board = board.with_row(dashboard.Row(title).id(next(ids)))
        for panel in panels:
            board = board.with_panel(panel.id(next(ids)))
    return JSONEncoder(sort_keys=True, indent=2).encode(board.build()) + "\n"


if __name__ == "__main__":
    for form, path in PATHS.items():
        path.write_text(build(form), encoding="utf-8")
