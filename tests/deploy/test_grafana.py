"""The dashboards of deploy/grafana; that their queries find data is seen on real servers."""

import json
import re
import subprocess
from itertools import combinations

import pytest

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


def test_the_table_of_plugins_has_one_row_for_each(panels):
    """Grafana merges its queries by the labels that all of them have; each has a named column."""
    (panel,) = [panel for panel in panels if panel["type"] == "table"]
    merge, organize = panel["transformations"]
    assert merge["id"] == "merge"
    named = set(organize["options"]["renameByName"])
    assert {f"Value #{target['refId']}" for target in panel["targets"]} == named
    first, *others = [target["expr"] for target in panel["targets"]]
    assert "waggle_plugin_info" in first
    assert all(other.startswith(f"sum by ({dashboard.IDENTITY}) (") for other in others)


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
    expression = expression.replace("$plugin", "p").replace("$task", "t")
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
