"""Two nodes, a real Prometheus with the configuration of ``deploy/``, a real VictoriaMetrics."""

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy.grafana import expressions
from tests.collector.harness import CollectorProcess, wait_until
from tests.deploy import panels
from tests.deploy.shipped import LIVE, shipped
from tests.programs import free_port
from tests.prometheus import Prometheus, VictoriaMetrics

ROOT = Path(__file__).parents[2]
NODES = {"W001": "0000000000000001", "W002": "0000000000000002"}
#: Seconds that the plugins run before, between and after the restarts.
PHASE = 3.0
FPS = 20
CAMERA = 'plugin_task="camera"'


class Node:
    """A collector at a port that stays, and the plugins that report to it."""

    def __init__(self, vsn, directory):
        directory.mkdir()
        self.vsn, self.directory, self.plugins = vsn, directory, []
        flag = "--web.listen-address=127.0.0.1:%d" % free_port()
        self.collector = CollectorProcess(directory, flags=[flag])
        #: Frames of all runs of the camera that have ended.
        self.frames = 0

    def start(self, name, task, *args):
        """Start a plugin."""
        command = [sys.executable, str(Path(__file__).parent / "workloads" / (name + ".py"))]
        env = dict(os.environ, WAGGLE_LIVE_METRICS=self.collector.address, WAGGLE_LIVE_TASK=task)
        env.update(PYTHONPATH=str(ROOT), PYWAGGLE_LOG_DIR=str(self.directory / "published"))
        pipe = subprocess.PIPE
        plugin = subprocess.Popen(
            [*command, *args], env=env, stdin=pipe, stdout=pipe, universal_newlines=True
        )
        self.plugins.append(plugin)
        return plugin

    def end(self, plugin):
        """Let a plugin end as it should; return frames and seconds of a camera."""
        out, _ = plugin.communicate(timeout=60)
        assert plugin.returncode == 0
        self.plugins.remove(plugin)
        frames, seconds = out.split() if out else (0, 0)
        self.frames += int(frames)
        return int(frames), float(seconds)

    def target(self):
        """Return the node as an entry of targets/nodes.json."""
        labels = {"node_id": NODES[self.vsn], "vsn": self.vsn}
        return {"targets": [self.collector.url.rpartition("/")[2]], "labels": labels}

    def stop(self):
        for plugin in self.plugins:
            plugin.kill()
            plugin.communicate()
        self.collector.__exit__()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    """Two nodes with a camera each, of which one was restarted, as was the other's collector."""
    directory = tmp_path_factory.mktemp("fleet")
    nodes = [Node(vsn, directory / vsn) for vsn in NODES]
    one, two = nodes
    try:
        for node in nodes:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("WAGGLE_NODE_ID", NODES[node.vsn])
                patch.setenv("WAGGLE_NODE_VSN", node.vsn)
                node.collector.start()
        with VictoriaMetrics(directory) as victoria:
            jobs, more = shipped(directory, "prometheus.yml", [node.target() for node in nodes])
            more["remote_write"] = [{"url": victoria.write_url}]
            with Prometheus(directory, jobs, more) as prometheus:
                wait_until(lambda: prometheus.value("sum(up)") == len(nodes))
                begun = time.time()
                cameras = [node.start("paced", "camera") for node in nodes]
                two.start("publishing", "publisher", str(ROOT / "LICENSE"))
                time.sleep(PHASE)
                one.end(cameras[0])
                cameras[0] = one.start("paced", "camera")
                killed = time.time()
                two.collector.kill()
                with pytest.MonkeyPatch.context() as patch:
                    patch.setenv("WAGGLE_NODE_ID", NODES["W002"])
                    patch.setenv("WAGGLE_NODE_VSN", "W002")
                    two.collector.start(wait_ready=False)
                away = time.time() - killed
                time.sleep(PHASE)
                yield SimpleNamespace(
                    nodes=nodes,
                    cameras=cameras,
                    begun=begun,
                    away=away,
                    prometheus=prometheus,
                    victoria=victoria,
                )
    finally:
        for node in nodes:
            node.stop()


@pytest.fixture(scope="module")
def ended(fleet):
    """The same once both cameras have ended and all servers know; no plugin is up any more."""
    fleet.last = {node.vsn: node.end(camera) for node, camera in zip(fleet.nodes, fleet.cameras)}
    now = time.time()
    for server in (fleet.prometheus, fleet.victoria):
        oldest = "min(timestamp(waggle_rate_events_total{%s}))" % CAMERA
        wait_until(lambda server=server, oldest=oldest: (server.value(oldest) or 0) > now)
    return fleet


# While the plugins run; these come first.


def test_what_plugins_do_now_is_right(fleet):
    """The quantiles, rates and names of the nodes are what the plugins do."""
    ask = fleet.prometheus
    for vsn, node_id in NODES.items():
        here = 'vsn="%s", node_id="%s", job="waggle-live", %s' % (vsn, node_id, CAMERA)
        bucket = 'rate(waggle_timer_seconds_bucket{%s, name="inference"}[3s])' % here
        # The buckets of 3 ms and of 100 ms, once the collector's restart is out of the window.
        for q, lower, upper in ((0.5, 2**-9, 2**-8), (0.95, 2**-4, 2**-3)):
            asked = "%g < histogram_quantile(%g, %s) <= %g" % (lower, q, bucket, upper)
            assert wait_until(lambda asked=asked: ask.query(asked))
        wait_until(lambda here=here: ask.value("waggle_plugin_up{%s}" % here) == 1)
        # A machine that is busy may run behind, but not ahead.
        rate = ask.awaited('waggle_rate_per_second{%s, name="fps"}' % here)
        assert FPS / 4 < rate < FPS * 1.3
        info = 'waggle_node_info{node_id="%s", vsn="%s"}' % (node_id, vsn)
        (result,) = wait_until(lambda info=info: ask.query(info))
        assert set(result["metric"]) == {"__name__", "instance", "job", "node_id", "vsn"}
    up = "count(waggle_plugin_up{%s} == 1)" % CAMERA
    wait_until(lambda: ask.value(up) == len(NODES))


def test_nothing_is_scraped_that_only_looks_back_a_moment(fleet):
    """The shipped configuration leaves out what PromQL has of any moment."""
    assert fleet.prometheus.query('{__name__=~"%s"}' % LIVE) == []


# Once they have ended.


def test_counts_are_exact_over_restarts_of_a_plugin_and_a_collector(ended):
    """Counters stand where the plugins say; their increase holds nothing twice."""
    for node in ended.nodes:
        here = '{vsn="%s", %s}' % (node.vsn, CAMERA)
        for family in (
            "waggle_rate_events_total",
            "waggle_timer_seconds_count",
            "waggle_count_total",
        ):
            assert ended.prometheus.awaited(family + here) == node.frames
            assert increase(ended.prometheus, family + here) == node.frames


def test_rates_are_right_over_restarts(ended):
    """The rate of frames over all of the run is frames by time, with no peak at a restart."""
    ask = ended.prometheus
    for node in ended.nodes:
        series = 'waggle_rate_events_total{vsn="%s", %s}' % (node.vsn, CAMERA)
        now = time.time()
        span = now - ended.begun
        window = "%s[%dms]" % (series, span * 1000)
        rate = ask.value("rate(%s)" % window, at=now)
        # What was counted before its first scrape is no increase, and rate() extrapolates by at
        # most 1.1 of the mean step on either side.
        (result,) = ask.query(window, at=now)
        first = float(result["values"][0][1])
        extrapolated = 1 + 2.2 / (len(result["values"]) - 1)
        assert 0.999 < rate * span / (node.frames - first) < 1.001 * extrapolated
        peak = "max_over_time(rate(%s[2s])[%ds:250ms])" % (series, span)
        # Catching up after the restart of the collector, at most what it missed is in one step.
        assert ask.value(peak, at=now) < (3 + ended.away) * FPS


def test_quantiles_of_the_histogram_are_right(ended):
    """``histogram_quantile`` gives what linear interpolation in the true bucket gives."""
    for server in (ended.prometheus, ended.victoria):
        for node in ended.nodes:
            here = 'waggle_timer_seconds_bucket{vsn="%s", %s}' % (node.vsn, CAMERA)
            # 90 % are in the bucket of 3 ms, up to 2^-8 s; 10 % in that of 100 ms, up to 2^-3 s.
            middle = 2**-9 + (2**-8 - 2**-9) * 0.5 / 0.9
            upper = 2**-4 + (2**-3 - 2**-4) * 0.5
            for quantile, value in ((0.5, middle), (0.95, upper)):
                asked = "histogram_quantile(%g, %s)" % (quantile, here)
                assert server.awaited(asked) == pytest.approx(value)


def test_the_mean_over_the_fleet_is_right(ended):
    """Sums over nodes divide to the mean of all blocks, to the nanosecond."""
    mean = "sum(waggle_timer_seconds_sum{%s}) / sum(waggle_timer_seconds_count{%s})"
    value = ended.prometheus.awaited(mean % (CAMERA, CAMERA))
    assert value == pytest.approx((9 * 0.003 + 0.1) / 10, abs=1e-9)


def test_victoria_metrics_has_the_same_by_remote_write(ended):
    """What Prometheus writes to VictoriaMetrics is there, with the node's labels, to the last."""
    for node in ended.nodes:
        here = '{vsn="%s", node_id="%s", %s}' % (node.vsn, NODES[node.vsn], CAMERA)
        assert ended.victoria.awaited("waggle_rate_events_total" + here) == node.frames
        assert ended.victoria.awaited("waggle_plugin_up" + here) == 0
        span = time.time() - ended.begun
        rise = "increase(waggle_rate_events_total%s[%ds])" % (here, span + 60)
        # It counts from 0 where a series begins, and extrapolates nothing.
        assert ended.victoria.value(rise) == node.frames


def test_ends_are_counted_by_how_they_came(ended):
    """The dashboard counts each end once, also the first, which came before its counter."""
    asked = panels.everything(expressions.ends("1h"))
    for node, runs in zip(ended.nodes, (2, 1)):
        here = '{vsn="%s", %s, status="ok"}' % (node.vsn, CAMERA)
        good = "sum((%s) and waggle_plugin_exits_total%s)" % (asked, here)
        assert wait_until(lambda good=good, runs=runs: ended.prometheus.value(good) == runs)
    assert not ended.prometheus.value('sum(waggle_plugin_exits_total{status="error"})')


def test_a_killed_plugin_is_lost(ended):
    """A kill is an end that is lost, told of by the next scrapes."""
    (publisher,) = ended.nodes[1].plugins
    publisher.kill()
    lost = 'waggle_plugin_exits_total{plugin_task="publisher", status="lost"}'
    wait_until(lambda: ended.prometheus.value(lost) == 1)


def increase(server, series):
    """Return ``increase()`` over exactly all samples of a series, and what it was at the first."""
    (result,) = server.query(series + "[1h]")
    (first, value), (last, _) = result["values"][0], result["values"][-1]
    window = "%s[%dms]" % (series, round((last - first) * 1000))
    return round(server.value("increase(%s)" % window, at=last) + float(value), 6)
