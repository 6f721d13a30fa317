"""A client or a collector of before there were knobs, with what is of today."""

import subprocess
import sys
import time

import pytest

from tests.collector.harness import CollectorProcess, wait_until
from tests.generations import ROOT, TODAY, generation
from waggle_live_controller import (
    ControlRefused,
    Entry,
    Leases,
    Node,
    NodeAnswerInvalid,
    PluginIdentity,
)

PLUGIN = """
import sys, time
from waggle_live import LiveMetrics
with LiveMetrics(plugin_name="plugin") as live:
    knob = live.knob("size", default=3, low=1, high=9) if hasattr(live, "knob") else None
    for _ in live.rate("frames").each(range(20)):
        with live.timer("block"):
            time.sleep(0.05)
        assert knob is None or knob.value == 3
    live.close(timeout=10)  # a busy collector may not answer within half a second
    print(sys.modules["waggle_live"].__file__, knob is not None)
"""


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """The packages as they were."""
    return generation("without-knobs", tmp_path_factory.mktemp("before"))


def run(collector, environment):
    """Run the plugin beside a collector; return what it printed, once it has ended well."""
    environment = dict(environment, WAGGLE_LIVE_METRICS=collector.address)
    done = subprocess.run(
        [sys.executable, "-P", "-c", PLUGIN],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    count = {"name": "block", "plugin": "plugin"}
    wait_until(lambda: collector.value("waggle_timer_seconds_count", 0, **count) == 20)
    assert "waggle_collector_refusals_total{" not in collector.get("/metrics")[2].decode()
    return done.stdout.split()


def lines_since_ready(collector):
    """Return what the collector logged after its start."""
    return collector.log().partition("ready: ")[2].splitlines()[1:]


def test_an_older_client_with_the_collector_of_today(before, tmp_path):
    """It is asked nothing and told nothing: no error, no line of log on either side."""
    token = tmp_path / "token"
    token.write_text("token")
    with CollectorProcess(flags=["--control.token-file=%s" % token]).start() as collector:
        file, has_knobs = run(collector, before.environment)
        assert (file.startswith(str(before.directory)), has_knobs) == (True, "False")
        assert b'"knobs":[]' in collector.get("/api/v1/knobs")[2]
        assert lines_since_ready(collector) == []


def test_the_client_of_today_with_an_older_collector(before):
    """The knobs stay at their defaults: no error, no line of log on either side."""
    with CollectorProcess(process=before.process).start() as collector:
        assert collector.get("/api/v1/knobs")[0] == 404
        file, has_knobs = run(collector, generation(TODAY, ROOT).environment)
        assert (file.startswith(str(ROOT)), has_knobs) == (True, "True")
        time.sleep(0.5)
        assert lines_since_ready(collector) == []


def test_a_controller_of_today_with_an_older_collector(before):
    """It is told that nobody takes orders there, and reads the plugins all the same."""
    with CollectorProcess(process=before.process).start() as collector:
        node = Node(collector.url, control_token="token")
        with pytest.raises(NodeAnswerInvalid):
            node.knobs()
        with Leases(node, "tests") as leases:
            entry = Entry(PluginIdentity("plugin", "", ""), "size", 5)
            leases.hold([entry], by=node.poll())
            error = wait_until(lambda: leases.error)
        assert isinstance(error, ControlRefused)
        assert "takes no orders" in str(error)
