"""Each panel of the dashboards on real servers, filled by plugins that do all that plugins do."""

import contextlib
import json
import math
import os
import re
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy.grafana import dashboard, expressions
from tests.collector.harness import Client, start, wait_until
from tests.collector.world import counter, function, gauge, rate, sampled, timer
from tests.deploy.panels import everything, has_data, legend
from tests.deploy.shipped import shipped
from tests.prometheus import Prometheus, VictoriaMetrics
from waggle_live_controller import Entry, Leases, Node, PluginIdentity

ROOT = Path(__file__).parents[2]
WORKLOADS = ROOT / "tests" / "deploy" / "workloads"
#: Seconds of which the servers have samples when the first panel is asked.
RUN = 8.0
#: How many plugins there are beside those that are looked at.
MANY = 100
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


class Many:
    """Plugins that connect by hand and count, on a thread, until the end."""

    def __init__(self, collector):
        self._stop = threading.Event()
        self._clients = []
        for number in range(MANY + 1):
            # A process may connect 64 times at once, and then 20 times a second.
            time.sleep(0.06 if number >= 60 else 0)
            task = "many-%d" % number if number < MANY else "profiled"
            self._clients.append(Client(collector))
            answer = self._clients[-1].hello(
                "session-%d" % number, plugin="p", task=task, job="night"
            )
            assert answer["type"] == "welcome", answer
        self._thread = threading.Thread(target=self._count)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        for client in self._clients:
            client.close()

    def _count(self):
        steps = 0
        while not self._stop.wait(0.5):
            steps += 1
            # The last ten are the highest by far.
            for number, client in enumerate(self._clients[:MANY]):
                blocks = steps * (1 + number if number < MANY - 10 else 1000)
                cells = [
                    timer("block", {-30: blocks}, blocks * 10**8),
                    rate("fps", blocks),
                    gauge("level", number),
                    counter("seen", blocks),
                ]
                client.update(steps, cells, monotonic=steps / 2, process={"cpu": steps * 10**7})
            seconds = steps * 10**8
            cells = [sampled("work", seconds, seconds), function("main", steps, seconds, seconds)]
            self._clients[MANY].update(steps, cells, monotonic=steps / 2)


@pytest.fixture(scope="module")
def wall(tmp_path_factory):
    """Three servers of one node, on which plugins count, fail, end, hang and hold knobs."""
    directory = tmp_path_factory.mktemp("wall")
    token = directory / "token"
    token.write_text("a-token-of-the-tests", encoding="utf-8")
    token.chmod(0o600)
    with contextlib.ExitStack() as stack:
        collector = stack.enter_context(start(flags=["--control.token-file=%s" % token]))
        targets = [
            {
                "targets": [collector.url.rpartition("/")[2]],
                "labels": {"node_id": "0000000000000001", "vsn": "W001"},
            }
        ]
        (directory / "victoria").mkdir()
        victoria = stack.enter_context(VictoriaMetrics(directory / "victoria"))
        servers = {"victoria": victoria}
        for form, name, flags in (
            ("classic", "prometheus.yml", []),
            ("native", "prometheus-native.yml", ["--enable-feature=native-histograms"]),
        ):
            jobs, more = shipped(directory / form, name, targets)
            if form == "classic":
                more["remote_write"] = [{"url": victoria.write_url}]
            servers[form] = Prometheus(directory / form, jobs, more, flags)
            stack.enter_context(servers[form])
        for server in servers.values():
            wait_until(lambda server=server: server.value("sum(up)") == 1)
        begun = time.time()

        def plugin(name, task, *arguments):
            env = dict(os.environ, WAGGLE_LIVE_METRICS=collector.address, PYTHONPATH=str(ROOT))
            env.update(WAGGLE_LIVE_TASK=task, WAGGLE_LIVE_JOB="night")
            env.update(PYWAGGLE_LOG_DIR=str(directory / "published"))
            command = [sys.executable, str(WORKLOADS / name), *arguments]
            pipe = subprocess.PIPE
            process = stack.enter_context(
                subprocess.Popen(command, env=env, stdin=pipe, stderr=subprocess.DEVNULL)
            )
            stack.callback(process.kill)
            return process

        plugin("varied.py", "varied")
        plugin("varied.py", "hung", "hang")
        plugin("varied.py", "failed", "fail")
        plugin("publishing.py", "publisher", str(ROOT / "LICENSE"))
        killed, finished = plugin("varied.py", "killed"), plugin("varied.py", "finished")
        stack.enter_context(Many(collector))
        with Client(collector) as stranger:
            stranger.hello("session-x", plugin="stranger")
            stranger.send(b"nonsense\n")
            assert stranger.read()["type"] == "error"
        node = stack.enter_context(Node(collector.url, control_token=token.read_text()))
        varied = PluginIdentity("varied", "varied", "night")
        wait_until(lambda: "resolution" in node.knobs().of(varied))
        leases = stack.enter_context(Leases(node, "test"))
        leases.hold([Entry(varied, "resolution", 360)], by=node.poll())
        wait_until(lambda: collector.value("waggle_plugin_up", plugin_task="killed", default=0))
        killed.kill()
        finished.stdin.close()
        time.sleep(max(0.0, begun + RUN - time.time()))
        silent = 'waggle_plugin_silent_seconds{plugin_task="hung"} > 0'
        idle = 'task:waggle_plugin_idle:minutes{plugin_task="varied"}'
        for server in servers.values():
            for told in (silent, idle, 'waggle_plugin_exits_total{status="lost"} > 0'):
                wait_until(lambda server=server, told=told: server.query(told))
        yield SimpleNamespace(servers=servers, begun=begun)


@pytest.fixture(params=list(SERVERS))
def shown(request, wall):
    """One of the servers, and how its dashboard's panels are asked."""
    server = wall.servers[request.param]
    board = json.loads(dashboard.PATHS[SERVERS[request.param]].read_text(encoding="utf-8"))
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]

    def ask(target, **chosen):
        seconds = max(10, round(time.time() - wall.begun))
        expression = everything(target["expr"], __range="%ds" % seconds, **chosen)
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
        found = legends(shown, panel, most="500")
        if title in QUIET:
            assert not found, title
            continue
        assert found, title
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
    rows = table(shown, "Plugins")
    by_task = {row["task"]: row for row in rows}
    assert len(by_task) == len(rows) > MANY
    states = {task: expressions.STATES[row["state"]] for task, row in by_task.items()}
    expected = {"varied": "up", "hung": "silent", "failed": "ended: error"}
    expected.update({"killed": "ended: lost", "finished": "ended", "many-0": "up"})
    assert {task: states[task] for task in expected} == expected
    varied = by_task["varied"]
    columns = ["plugin", "task", "job", "node", "state", "fps", "worst p95", "failures", "CPU"]
    assert [name for name in columns if name not in varied] == []
    assert varied["memory"] > 1e6 and 0 < varied["age"] < 600
    assert 1 < varied["fps"] < 15
    # The slower of two timers of one name; a classic bucket is as wide as its lower bound.
    assert 0.0156 < varied["worst p95"] < 0.0313
    assert by_task["publisher"]["failures"] > 0 == varied["failures"]


def test_the_table_of_knobs_has_a_row_for_each(shown):
    """Value, default, lease and changes of each knob; a text stands as it is."""
    rows = [row for row in table(shown, "Knobs") if row["task"] == "varied"]
    by_name = {row["knob"]: row for row in rows}
    assert len(rows) == 2
    resolution, mode = by_name["resolution"], by_name["mode"]
    assert (resolution["value"], resolution["default"], resolution["leased"]) == (360, 720, 1)
    assert resolution["changes"] == 1
    assert (mode["text"], mode["leased"], mode["changes"]) == ("day", 0, 0)


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
                assert has_data(shown.server, everything(target["expr"])), panel["title"]
                for _, result in shown.ask(target):
                    assert not math.isnan(float(result["value"][1]))
