"""The dashboards of deploy/grafana; that their queries find data is seen on real servers."""

import json
import re
import subprocess
from itertools import combinations

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana import dashboard, expressions
from tests.deploy.native_promql import is_right
from tests.deploy.shipped import LIVE
from tests.programs import program


@pytest.fixture(params=list(dashboard.PATHS))
def form(request):
    """The form of the histograms that a dashboard is for."""
    return request.param


@pytest.fixture
def panels(form):
    """The panels of that dashboard."""
    return json.loads(dashboard.build(form))["panels"]


def test_the_checked_in_dashboards_are_what_the_program_makes(form):
    """After a change of ``deploy/grafana``: ``python -m deploy.grafana.dashboard``."""
    assert dashboard.PATHS[form].read_text(encoding="utf-8") == dashboard.build(form)


def test_no_panel_asks_for_what_is_not_scraped(form):
    """Neither for what only looks back a moment, nor, classic, for a native histogram."""
    board = dashboard.build(form)
    assert not re.search(r"\b(%s)\b" % LIVE.replace(".+", r"\w+"), board)
    assert ("waggle_timer_seconds{" in board) == (form == "native")


def test_native_histograms_are_asked_rightly(form, panels):
    """No panel does with one what Prometheus answers by 0, or shows one as a curve."""
    for panel in panels:
        heatmap = panel["type"] == "heatmap" and form == "native"
        for target in panel.get("targets", []):
            assert is_right(target["expr"], heatmap), panel["title"]


def test_panels_have_ids_of_their_own_and_room(panels):
    """No panel covers another one, and each can be linked to."""
    assert len({panel["id"] for panel in panels}) == len(panels)
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)


def test_a_plugin_of_one_node_is_not_mixed_with_that_of_another(panels):
    """Every query is held to the nodes, and below them to the plugins, that were chosen."""
    for panel in panels:
        for target in panel.get("targets", []):
            assert 'vsn=~"$vsn"' in target["expr"], panel["title"]
            assert target["datasource"]["uid"] == "${datasource}"


def test_each_column_of_a_table_has_a_name_and_the_rows_of_the_others(panels):
    """Grafana merges queries of a table by the labels that all have; each has a named column."""
    tables = [panel for panel in panels if panel["type"] == "table"]
    assert [table["title"] for table in tables] == ["Plugins", "Knobs"]
    for table in tables:
        merge, organize = table["transformations"]
        assert merge["id"] == "merge"
        named = organize["options"]["renameByName"]
        columns = {f"Value #{target['refId']}" for target in table["targets"]}
        assert columns == {name for name in named if name.startswith("Value #")}
        assert len(set(named.values())) == len(named)
        same = {re.search(r"and on \((.+?)\) bottomk", each["expr"]) for each in table["targets"]}
        assert len({found.group(0) for found in same}) == 1


def test_an_empty_panel_says_what_to_do(panels):
    """No panel shows Grafana's bare "No data"."""
    for panel in panels:
        if panel["type"] != "row":
            words = panel["fieldConfig"]["defaults"]["noValue"]
            assert re.match("[Nn]o|none", words), panel["title"]


def test_curves_are_bounded(panels):
    """Each query of curves is held to the number of curves that was chosen."""
    for panel in panels:
        if panel["type"] in ("timeseries", "state-timeline"):
            for target in panel["targets"]:
                assert "k($most, " in target["expr"], panel["title"]


def test_a_dashboard_is_what_grafana_reads(form):
    """Each of its fields is one that the schema of Grafana's own types knows."""
    board = json.loads(dashboard.build(form))
    again = JSONEncoder(sort_keys=True, indent=2).encode(Dashboard.from_json(board))
    assert json.loads(again) == board
    assert board["schemaVersion"] >= 36 and board["uid"] == dashboard.UIDS[form]
    source, *choices = board["templating"]["list"]
    # Grafana asks nothing at the import: the choice of a data source is a variable.
    assert (source["type"], source["name"]) == ("datasource", "datasource")
    assert "__inputs" not in board
    for choice in choices:
        if choice["type"] == "query":
            assert choice["datasource"]["uid"] == "${datasource}"


def test_each_variable_is_narrowed_by_those_before_it(form):
    """So the list is short where a node is chosen."""
    board = json.loads(dashboard.build(form))
    before = []
    for choice in board["templating"]["list"]:
        if choice["type"] == "query":
            asked = set(re.findall(r"\$(\w+)", choice["query"]))
            assert asked == set(before), choice["name"]
            before.append(choice["name"])
    assert before == ["vsn", "plugin", "job", "task", "name"]


@pytest.mark.parametrize(
    ("exits", "counted"),
    [
        ("_x10 1x3 2x3 3x30", 3),
        ("7x300", 0),
        ("7x200 8x20", 1),
        ("7x200 0x5 1x20", 1),
        ("7x200 stale _x20 7x5 8x20", 1),
    ],
    ids=["born at 1", "known", "one more", "reset", "away for a while"],
)
def test_panels_count_ends_exactly(tmp_path, exits, counted):
    """An end counts once, be it before the first scrape of its counter; ends of long ago don't."""
    of_node = 'job="waggle-live", instance="w1", vsn="W001"'
    of_plugin = of_node + ', plugin="p", plugin_task="t", plugin_job="j", status="error"'
    expression = f"sum({expressions.ends('1h')})".replace("$vsn", "W001")
    for name, value in (("plugin", "p"), ("job", "j"), ("task", "t")):
        expression = expression.replace(f"${name}", value)
    minutes = sum(int(part.partition("x")[2] or 0) + 1 for part in exits.split()) - 1
    scraped = "1x200 0x20 1x60" if "stale" in exits else "1x300"
    story = {
        "interval": "1m",
        "input_series": [
            {"series": "up{%s}" % of_node, "values": scraped},
            {"series": "waggle_plugin_exits_total{%s}" % of_plugin, "values": exits},
        ],
        "promql_expr_test": [
            {
                "expr": expression,
                "eval_time": "%dm" % (minutes - 1),
                "exp_samples": [{"labels": "{}", "value": counted}],
            }
        ],
    }
    path = tmp_path / "story.yml"
    path.write_text(json.dumps({"rule_files": [], "tests": [story]}))
    command = [program("promtool", "prometheus"), "test", "rules", str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
