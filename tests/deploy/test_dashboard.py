"""Each panel of the dashboards on real servers, filled by plugins that do all that plugins do."""

import json
import math
import os
import re
import time
import urllib.parse
from types import SimpleNamespace

import pytest

from deploy.grafana import dashboard, expressions
from tests.collector.harness import wait_until
from tests.deploy.panels import everything, has_data, legend
from tests.deploy.wall import MANY, filled

#: Servers by name, and the dashboard that each is asked for.
SERVERS = {"classic": "classic", "victoria": "classic", "native": "native"}

#: Legends that a panel must have. A name in the place of a number stands for any.
LEGENDS = {
    "Ends, 1 h": {"error", "lost", "ok"},
    "States": {"varied W001 night", "hung W001 night"},
    "Events": {'fps{camera="left"} varied W001 night', "fps many-7 W001 night"},
    "Blocks of a rate, 1 / mean duration": {"detector varied W001 night"},
    "Duration, quantile $quantile": {
        'inference{model="yolov7"} varied W001 night',
        'inference{model="resnet"} varied W001 night',
    },
    "Duration, mean": {'inference{model="yolov7"} varied W001 night'},
    "Share of the time": {'inference{model="yolov7"} varied W001 night'},
    "Blocks that raised": {'lookup{table="a"} publisher W001 night'},
    "Gauges": {'cars{area="north", zone="b"} varied W001 night'},
    "Counters": {"frames varied W001 night"},
    "Minutes without an event": {"varied W001"},
    "Functions by CPU, cores": {"work (sampler) profiled W001 night"},
    "Functions by time": {"work (sampler) profiled W001 night", "main (tau) profiled W001 night"},
    "Knobs": {"resolution varied W001 night"},
    "CPU, cores": {"varied W001 night", "W001"},
    "Memory": {"varied W001 night", "W001"},
    "Published": {"env.count publisher W001 night", "uploads publisher W001 night"},
    "Ends, last hour": {"error failed W001 night", "lost killed W001 night"},
    "Problems, last hour": {"unmatched_stop publisher W001 night"},
    "Series": {"W001"},
    "Sessions": {"connected W001"},
    "Refusals, last hour": {"bad_json uid:%d W001" % os.getuid()},
    "Time to render a scrape": {"W001"},
}
#: Panels that are empty unless something is wrong that is not played here.
QUIET = {
    "Lost for lack of room, last hour",
    "Leases that nobody renewed, last hour",
    "Values of knobs in quarantine",
    "Failed writes of the state file, last hour",
}


@pytest.fixture(scope="module")
def wall(tmp_path_factory):
    """The servers, filled once for all tests."""
    with filled(tmp_path_factory.mktemp("wall")) as made:
        yield made


@pytest.fixture(params=list(SERVERS))
def shown(request, wall):
    """One of the servers, and how its dashboard's panels are asked."""
    wall.hold()
    server = wall.servers[request.param]
    board = json.loads(dashboard.PATHS[SERVERS[request.param]].read_text(encoding="utf-8"))
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]

    def ask(target, **chosen):
        seconds = max(10, round(time.time() - wall.begun))
        span = {"__range": "%ds" % seconds, "__rate_interval": "10s"}
        expression = everything(target["expr"], **span, **chosen)
        if target.get("instant"):
            return [(each["metric"], each) for each in server.query(expression)]
        now = time.time()
        asked = {"query": expression, "start": now - seconds, "end": now, "step": 1}
        answer = server.get("/api/v1/query_range?" + urllib.parse.urlencode(asked))
        found = json.loads(answer)["data"]["result"]
        return [(each["metric"], each) for each in found]

    return SimpleNamespace(name=request.param, server=server, panels=panels, board=board, ask=ask)


def legends(shown, panel, **chosen):
    """Return the legends of all series of a panel, the same one more than once if it is."""
    return [
        legend(panel, target, labels)
        for target in panel["targets"]
        for labels, _ in shown.ask(target, **chosen)
    ]


def test_each_panel_shows_what_it_should_by_legends_that_tell_apart(shown):
    """Each has the series that the plugins made, and no two curves have one name."""
    asked = set()
    for panel in shown.panels:
        title = panel["title"]
        asked.add(title)
        if panel["type"] == "table":
            continue
        if title in QUIET:
            assert not legends(shown, panel, most="500"), title
            continue
        found = legends(shown, panel, most="500")
        if not found:  # a scrape that is late leaves a gap, in which nothing is now
            print("waiting for", title)
            found = wait_until(lambda panel=panel: legends(shown, panel, most="500"))
        if panel["type"] == "heatmap":
            continue
        assert len(set(found)) == len(found), title
        expected = LEGENDS.get(title, {""})
        if title in ("CPU, cores", "Memory"):  # of plugins, and of collectors
            assert expected & set(found), title
        else:
            assert expected <= set(found), (title, found)
    assert set(LEGENDS) | QUIET <= asked


def test_curves_are_bounded_however_many_plugins_there_are(shown):
    """A panel draws those that are highest; a variable shows the others."""
    for panel in shown.panels:
        if panel["type"] in ("timeseries", "state-timeline"):
            for target in panel["targets"]:
                assert len(shown.ask(target, most="10")) <= 10, panel["title"]
    (events,) = [panel for panel in shown.panels if panel["title"] == "Events"]
    highest = set(legends(shown, events, most="10"))
    assert highest == {"fps many-%d W001 night" % number for number in range(90, 100)}
    assert len(legends(shown, events, most="500")) > MANY
    other = legends(shown, events, most="10", task="many-7|varied")
    assert "fps many-7 W001 night" in other and len(other) == 3


def table(shown, title):
    """Return the rows of a table as Grafana merges them, by the columns' names."""
    (panel,) = [panel for panel in shown.panels if panel["title"] == title][:1]
    options = panel["transformations"][1]["options"]
    names, rows = options["renameByName"], {}
    for target in panel["targets"]:
        for labels, result in shown.ask(target):
            key = frozenset((name, labels[name]) for name in labels if name != "value")
            row = rows.setdefault(key, {})
            for name, value in {**labels, "Value #" + target["refId"]: None}.items():
                if not options["excludeByName"].get(name):
                    is_value = name.startswith("Value #")
                    row[names[name]] = float(result["value"][1]) if is_value else value
    return list(rows.values())


def test_the_table_of_plugins_has_a_row_for_each_with_its_state(shown):
    """State, rate, p95, failures, CPU, memory and age of each plugin stand in one row."""

    expected = {"varied": "up", "hung": "silent", "failed": "ended: error"}
    expected.update({"killed": "ended: lost", "finished": "ended", "many-0": "up"})
    columns = {"plugin", "task", "job", "node", "state", "fps", "worst p95", "failures", "CPU"}
    columns |= {"memory", "age"}

    def whole():
        rows = table(shown, "Plugins")
        found = {row["task"]: set(row) for row in rows}
        return (
            len(rows) > MANY
            and set(expected) <= set(found)
            and all("state" in row for row in rows)
            and columns <= found["varied"]
            and "failures" in found.get("publisher", ())
            and rows
        )

    # A scrape that is late under load leaves a gap, of one column or of all.
    rows = wait_until(whole)
    by_task = {row["task"]: row for row in rows}
    assert len(by_task) == len(rows) > MANY
    states = {task: expressions.STATES[row["state"]] for task, row in by_task.items()}
    assert {task: states[task] for task in expected} == expected
    varied = by_task["varied"]
    assert varied["memory"] > 1e6 and 0 < varied["age"] < 600
    assert 1 < varied["fps"] < 15
    # The slower of two timers of one name; a classic bucket is as wide as its lower bound.
    assert 0.0156 < varied["worst p95"] < 0.0313
    assert by_task["publisher"]["failures"] > 0 == varied["failures"]


def test_the_table_of_knobs_has_a_row_for_each(shown):
    """Value, default, lease and changes of each knob; a text stands as it is."""

    expected = {
        "resolution": {"value": 360, "default": 720, "leased": 1, "changes": 1},
        "mode": {"text": "day", "leased": 0, "changes": 0},
    }

    def found():
        rows = [row for row in table(shown, "Knobs") if row["task"] == "varied"]
        assert len(rows) <= 2
        return {row["knob"]: {c: row.get(c) for c in expected[row["knob"]]} for row in rows}

    wait_until(lambda: found() == expected)


def test_variables_have_what_there_is(shown):
    """Nodes, plugins, jobs, tasks and names, each narrowed by those before it."""
    for choice in shown.board["templating"]["list"]:
        if choice["type"] != "query":
            continue
        series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", choice["query"]).groups()

        def values(series=series, label=label, **chosen):
            asked = {"match[]": everything(series, **chosen)}
            query = urllib.parse.urlencode(asked)
            return json.loads(shown.server.get("/api/v1/label/%s/values?%s" % (label, query)))[
                "data"
            ]

        expected = {"vsn": "W001", "plugin": "p", "job": "night", "task": "varied", "name": "fps"}
        assert expected[choice["name"]] in values()
        if choice["name"] == "task":
            assert "varied" not in values(plugin="p")


def test_the_overview_has_numbers(shown):
    """Each number of the overview is there, and is one."""
    for panel in shown.panels:
        if panel["type"] == "stat":
            for target in panel["targets"]:
                asked = everything(target["expr"])
                assert wait_until(lambda asked=asked: has_data(shown.server, asked))
                for _, result in shown.ask(target):
                    assert not math.isnan(float(result["value"][1]))
