"""One node in three real Prometheis: classic, native, and native without the feature for it."""

import contextlib
import math
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy.grafana import dashboard
from tests.collector.harness import Scrape, start, wait_until
from tests.deploy import panels
from tests.deploy.shipped import FOLDER, LIVE, rules_of, shipped
from tests.deploy.workloads.observing import ROUND
from tests.prometheus import Prometheus, VictoriaMetrics

ROOT = Path(__file__).parents[2]
#: Configuration and flags by what the server makes of a timer.
SERVERS = {
    "classic": ("prometheus.yml", []),
    "native": ("prometheus-native.yml", ["--enable-feature=native-histograms"]),
    "without": ("prometheus-native.yml", []),
}
#: Seconds that the plugin runs before anything is asked.
RUN = 5.0
RECORDED = '{__name__=~".+:.+:.+"}'


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """The three servers while the plugin runs."""
    directory = tmp_path_factory.mktemp("native")
    command = [sys.executable, str(ROOT / "tests" / "deploy" / "workloads" / "observing.py")]
    with contextlib.ExitStack() as stack:
        collector = stack.enter_context(start())
        labels = {"node_id": "0000000000000001", "vsn": "W001"}
        targets = [{"targets": [collector.url.rpartition("/")[2]], "labels": labels}]
        (directory / "victoria").mkdir()
        victoria = stack.enter_context(VictoriaMetrics(directory / "victoria"))
        servers = {}
        for form, (name, flags) in SERVERS.items():
            jobs, more = shipped(directory / form, name, targets)
            if form == "native":
                more["remote_write"] = [{"url": victoria.write_url}]
            server = Prometheus(directory / form, jobs, more, flags)
            servers[form] = stack.enter_context(server)
        for server in servers.values():
            wait_until(lambda server=server: server.value("sum(up)") == 1)
        env = dict(os.environ, WAGGLE_LIVE_METRICS=collector.address, PYTHONPATH=str(ROOT))
        pipe = subprocess.PIPE
        plugin = subprocess.Popen(
            command, env=env, stdin=pipe, stdout=pipe, universal_newlines=True
        )
        try:
            time.sleep(RUN)
            yield SimpleNamespace(
                directory=directory, servers=servers, victoria=victoria, plugin=plugin
            )
        finally:
            plugin.kill()
            plugin.communicate()


@pytest.fixture(scope="module")
def rounds(running):
    """How many rounds the plugin made, once it has ended and all servers have recorded them."""
    out, _ = running.plugin.communicate(timeout=60)
    made = int(out)
    for server in running.servers.values():
        for name, durations in ROUND.items():
            count = 'plugin_name:waggle_timer_seconds_count:total{name="%s"}' % name
            expected = made * len(durations)
            wait_until(lambda c=count, s=server, e=expected: s.value(c) == e)
    return made


# While the plugin runs; these come first.


@pytest.mark.parametrize("form", SERVERS)
def test_the_native_dashboard_serves_a_mixed_fleet(running, form):
    """Its panels of timers have data in either form, but for the spread of classic ones."""
    classic = panels.queries(dashboard.PATHS["classic"])
    asked = [query for query in panels.queries(dashboard.PATHS["native"]) if query not in classic]
    assert len(asked) == 5
    server = running.servers[form]
    for title, query in asked:
        if form == "native" or title != "Spread of durations":
            assert wait_until(lambda query=query: panels.has_data(server, query)), title


# Once it has ended.


def test_each_server_has_one_form(running, rounds):
    """Native means one series a timer; without the feature the same configuration is classic."""
    for form, server in running.servers.items():
        counted = 'count by (__name__) ({__name__=~"waggle_timer_seconds.*"})'
        # A scrape that is late leaves a gap.
        parts = wait_until(lambda server=server, counted=counted: server.query(counted))
        names = {result["metric"]["__name__"] for result in parts}
        classic = {"waggle_timer_seconds_" + part for part in ("bucket", "count", "sum")}
        assert names == ({"waggle_timer_seconds"} if form == "native" else classic), form
        assert server.query('{__name__=~"%s"}' % LIVE) == []


def test_rules_record_the_same_in_each_form(running, rounds):
    """Counts and sums are equal to the last digit, as are names and labels of all records."""
    classic, *others = running.servers.values()
    for server in others:
        wait_until(lambda server=server: recorded(server) == recorded(classic))
    for name, durations in ROUND.items():
        for part, expected in (
            ("count", rounds * len(durations)),
            ("sum", rounds * sum(durations)),
        ):
            asked = 'plugin_name:waggle_timer_seconds_%s:total{name="%s"}' % (part, name)
            values = [server.awaited(asked) for server in running.servers.values()]
            assert len(set(values)) == 1 and values[0] == pytest.approx(expected), (part, name)


@pytest.mark.parametrize("name", ROUND)
def test_the_p95_is_the_same_within_a_classic_bucket(running, rounds, name):
    """A native p95 is within 9.1 % of the true one, a classic one in the bucket of it."""
    durations = sorted(ROUND[name])
    true = durations[math.ceil(0.95 * len(durations)) - 1]
    asked = 'task_name:waggle_timer_seconds:p95_rate5m{name="%s"}' % name
    upper = max(2.0 ** math.ceil(math.log2(true)), 2.0**-13)
    width = upper if upper == 2.0**-13 else upper / 2
    for form, server in running.servers.items():
        found = server.awaited(asked)
        assert upper - width <= found <= upper
        if form == "native":
            assert found == pytest.approx(true, rel=0.091)


def test_what_rules_record_goes_where_native_histograms_do_not(running, rounds):
    """Federation as text, and a server without native histograms, have counts, sums and p95."""
    asked = '{__name__=~".+:waggle_timer_seconds.+",name="constant"}'
    path = "/federate?" + urllib.parse.urlencode({"match[]": asked})
    count = "plugin_name:waggle_timer_seconds_count:total"
    p95 = "task_name:waggle_timer_seconds:p95_rate5m"

    def federated():
        scrape = Scrape(running.servers["native"].get(path).decode())
        values = [scrape.value(family, None, name="constant") for family in (count, p95)]
        return None not in values and values

    counted, quantile = wait_until(federated)
    assert counted == 20 * rounds and quantile < 0.043
    here = count + '{name="constant"}'
    wait_until(lambda: running.victoria.value(here) == 20 * rounds)


@pytest.mark.parametrize("form", SERVERS)
def test_the_queries_of_the_page_serve_a_mixed_fleet(running, rounds, form):
    """What docs/guides/fleet.md shows for a fleet on the move has data of each node."""
    page = (ROOT / "docs" / "guides" / "fleet.md").read_text(encoding="utf-8")
    table = page.partition("**Queries for a mixed fleet**")[2].partition("\n\n")[2]
    queries = re.findall(r"^\| [^|]+ \| `(.+)` \|$", table.partition("\n\n")[0], re.MULTILINE)
    assert len(queries) == 4
    server = running.servers[form]
    for query in queries:
        assert wait_until(lambda query=query: panels.has_data(server, query)), query


def test_a_server_moves_to_native_histograms_without_a_gap(running, rounds):
    """Counts go on where they stood; for the minutes of both forms the native one is recorded."""
    classic, native = (running.directory / form / "tsdb" for form in ("classic", "native"))
    for form in ("classic", "native"):
        running.servers[form].__exit__()
    shutil.rmtree(native)
    classic.rename(native)
    count = 'plugin_name:waggle_timer_seconds_count:total{name="constant"}'
    with running.servers["native"] as moved:
        wait_until(lambda: moved.query("waggle_timer_seconds"))
        begun = time.time()
        wait_until(lambda: (moved.value("timestamp(%s)" % count) or 0) > begun)
        assert moved.value("min_over_time(%s[1h])" % count) < moved.awaited(count) == 20 * rounds
        assert moved.value("resets(%s[1h])" % count) == 0
        assert moved.query("rate(waggle_timer_seconds_bucket[5m])")
        # Nothing was timed since, so there is no native p95 yet; the classic one is not taken.
        records = {
            rule["record"]
            for rule in rules_of(FOLDER / "rules" / "timers.yml")
            if moved.query(rule["expr"])
        }
        assert not {name for name in records if "mean" not in name}


def recorded(server):
    """Return the names and labels of what rules of a server record in both forms, just now."""
    return {
        frozenset(result["metric"].items())
        for result in server.query(RECORDED)
        if "mean" not in result["metric"]["__name__"]
    }
