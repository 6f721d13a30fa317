"""Clients, collectors and controllers of all generations of the wire work with one another."""

import json
import subprocess
import sys

import pytest

from tests import generations
from tests.collector.harness import CollectorProcess, wait_until

PLUGIN = """
import sys
from waggle_live import LiveMetrics
with LiveMetrics(plugin_name=sys.argv[1]) as live:
    for number in range(30):
        with live.timer("block", number=str(number % 2)):
            live.rate("frames").tick()
        live.counter("done").inc(2)
        live.gauge("level").set(number)
print(sys.modules["waggle_live"].__file__)
"""
CONTROLLER = """
import json, sys
try:
    from waggle_live_controller import Node
except ImportError:
    from waggle_live.controller import Node
def told(plugin):
    timers = [plugin.timers.labelled("block", number=number).count for number in "01"]
    last = plugin.rates["frames"].total, plugin.counters["done"].total, plugin.gauges["level"].value
    return [plugin.up, *timers, *last, plugin.exits["ok"]]
plugins = Node(sys.argv[1]).poll().plugins
print(json.dumps({key: told(plugins[key]) for key in sorted(plugins)}))
"""
#: What a controller reads of each of the plugins.
TOLD = [False, 15, 15, 30, 60, 29, 1]


@pytest.fixture(scope="module")
def each(tmp_path_factory):
    """All generations, by name."""
    directory = tmp_path_factory.mktemp("generations")
    return {name: generations.generation(name, directory) for name in generations.ALL}


def run_all(program, each, argument=None, **environment):
    """Run a program of all generations at once; return what each printed, by name.

    Its argument is that of all, else the name of its own generation.
    """
    started = {
        name: subprocess.Popen(
            [sys.executable, "-P", "-c", program, argument or name],
            env=dict(generation.environment, **environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name, generation in each.items()
    }
    printed = {name: process.communicate(timeout=60) for name, process in started.items()}
    assert all(process.returncode == 0 for process in started.values()), printed
    assert not any(error for _, error in printed.values()), printed
    return {name: out for name, (out, _) in printed.items()}


def all_down(scrape, number):
    """Tell whether so many plugins are there, and all of them have ended."""
    return [up for _, up in scrape.all("waggle_plugin_up")] == [0] * number


@pytest.mark.parametrize("name", generations.ALL)
def test_a_collector_takes_all_clients_and_answers_all_controllers(each, name):
    """Of whatever generation each is: counts are whole, and no side logs a line about another."""
    with CollectorProcess(process=each[name].process).start() as collector:
        files = run_all(PLUGIN, each, WAGGLE_LIVE_METRICS=collector.address)
        for client, generation in each.items():
            assert files[client].startswith(str(generation.directory / "waggle_live"))
        wait_until(lambda: all_down(collector.scrape(), len(each)))
        assert "waggle_collector_refusals_total{" not in collector.get("/metrics")[2].decode()
        for read in run_all(CONTROLLER, each, collector.url).values():
            assert json.loads(read) == dict.fromkeys(sorted(each), TOLD)
        after_start = collector.log().partition("ready: ")[2].splitlines()[1:]
        assert after_start == []
