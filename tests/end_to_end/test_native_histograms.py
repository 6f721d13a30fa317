"""Native histograms in a real Prometheus: of a real collector, with real plugins."""

import math
import subprocess
import time
from types import SimpleNamespace

import pytest

from tests.collector.harness import Client, CollectorProcess, wait_until
from tests.collector.world import timer
from tests.end_to_end.workload import expected, finish, recorded, start
from tests.end_to_end.workloads.observing import COUNT, NAMES, durations
from tests.programs import free_port
from tests.prometheus import Prometheus

NATIVE = ("--enable-feature=native-histograms",)
QUANTILES = (0.5, 0.95, 0.99)
#: A bucket is this much wider than the one before it.
BUCKET = 2 ** (1 / 8) - 1
#: Of one process; half of what a counter may have.
HUGE = 2**62


def job(collector, name, **params):
    """Return the configuration of a job that scrapes a collector five times a second."""
    return {
        "job_name": name,
        "scrape_interval": "200ms",
        "scrape_timeout": "200ms",
        "params": {key: [value] for key, value in params.items()},
        "static_configs": [{"targets": [collector.url.rpartition("/")[2]]}],
    }


@pytest.fixture(scope="module")
def scraped(tmp_path_factory):
    """A Prometheus with the feature and one without, which scrape a collector in each form."""
    with CollectorProcess().start() as collector:
        jobs = [
            job(collector, "native", native="1"),
            job(collector, "slim", native="1", live="0"),
            job(collector, "classic"),
        ]
        told, untold = tmp_path_factory.mktemp("native"), tmp_path_factory.mktemp("plain")
        with Prometheus(told, jobs, flags=NATIVE) as native, Prometheus(untold, jobs) as plain:
            for server in (native, plain):  # before there is any series
                wait_until(lambda server=server: server.value("sum(up)") == len(jobs))
            plugin = start("observing", address=collector.address, stdin=subprocess.PIPE)
            try:
                assert plugin.stdout.readline() == "flushed\n"
                plugins = collector.plugins()
                with Client(collector) as client:
                    assert client.hello(plugin="huge")["type"] == "welcome"
                    client.update(1, [timer("huge", {0: HUGE}, HUGE)])
                    client.flush()
                    for server in (native, plain):
                        wait_until(lambda server=server: arrived(server))
                    yield SimpleNamespace(
                        collector=collector, native=native, plain=plain, plugins=plugins
                    )
                finish(plugin)
            finally:
                plugin.kill()
                plugin.communicate()


def arrived(server):
    """Has every job of a server been told the last series?"""
    return server.value('sum(waggle_plugin_sessions{plugin="huge"})') == 3


def test_every_scrape_succeeds(scraped):
    """With the feature and without it, in each form."""
    for server in (scraped.native, scraped.plain):
        wait_until(lambda server=server: server.value("sum(up)") == 3)


def test_timers_are_native_histograms_where_they_are_asked_for(scraped):
    """An empty one first, one of a huge count last: one series each, and no classic ones."""
    for name in ("native", "slim"):
        found = {
            result["metric"]["name"]: float(result["value"][1])
            for result in scraped.native.query(
                f'histogram_count(waggle_timer_seconds{{job="{name}"}})'
            )
        }
        assert found == {"declared": 0, **dict.fromkeys(NAMES, COUNT), "huge": HUGE}
        for suffix in ("bucket", "count", "sum"):
            assert scraped.native.query(f'waggle_timer_seconds_{suffix}{{job="{name}"}}') == []
    assert scraped.native.query('waggle_timer_seconds{job="classic"}') == []
    count = 'waggle_timer_seconds_count{job="classic",name="uniform"}'
    assert scraped.native.value(count) == COUNT


def test_a_prometheus_without_the_feature_reads_text(scraped):
    """Also where its URL asks for native histograms: its header doesn't."""
    for name in ("native", "slim", "classic"):
        query = 'waggle_timer_seconds_bucket{job="%s",name="uniform",le="+Inf"}' % name
        assert scraped.plain.value(query) == COUNT


def test_all_else_is_the_same_series_as_from_text(scraped):
    """Names and labels of every other family, the collector's own included."""
    # Not those of the last 10 s, which may just have gone in one of the two.
    others = (
        '{job="%s",__name__=~"waggle_.*|process_.*",__name__!~"waggle_timer_(recent_)?seconds.*'
    )
    others += '|waggle_timer_recent_mean_seconds"}'
    classic, native = (
        {
            tuple(sorted(set(result["metric"].items()) - {("job", name)}))
            for result in scraped.native.query(others % name)
        }
        for name in ("classic", "native")
    )
    assert classic == native
    assert len(classic) > 50


def test_what_only_looks_back_a_moment_is_left_out_on_demand(scraped):
    """The slim job has no such family, and every other one."""
    native, slim = (
        {
            result["metric"]["__name__"]
            for result in scraped.native.query('count by (__name__) ({job="%s"})' % name)
        }
        for name in ("native", "slim")
    )
    live = {name for name in native if "_recent_" in name or "_last_" in name}
    assert {"waggle_timer_last_seconds", "waggle_plugin_last_seen_timestamp_seconds"} <= live
    assert native - slim == live | {"waggle_updated_timestamp_seconds"}


@pytest.mark.parametrize("name", NAMES)
def test_quantiles_are_within_a_bucket(scraped, name):
    """Those of PromQL within 9.1 %, our own within 4.5 %, of durations from 1 µs to 100 s."""
    ordered = sorted(durations(name))
    (shown,) = (
        timer for plugin in scraped.plugins for timer in plugin["timers"] if timer["name"] == name
    )
    for q in QUANTILES:
        true = ordered[math.ceil(q * COUNT) - 1]
        series = 'waggle_timer_seconds{job="native",name="%s"}' % name
        quantile = scraped.native.value("histogram_quantile(%g, %s)" % (q, series))
        assert quantile == pytest.approx(true, rel=BUCKET + 1e-9), q
        assert shown["p%d" % (100 * q)] == pytest.approx(true, rel=0.045), q


def test_the_classic_text_of_the_same_moment_agrees(scraped):
    """Each of its buckets is the sum of the native ones below its bound."""
    text = scraped.collector.scrape()
    for result in scraped.native.query('waggle_timer_seconds{job="native"}'):
        name, histogram = result["metric"]["name"], result["histogram"][1]
        assert float(histogram["count"]) == text.value("waggle_timer_seconds_count", name=name)
        assert float(histogram["sum"]) == text.value("waggle_timer_seconds_sum", name=name)
        for labels, cumulated in text.all("waggle_timer_seconds_bucket", name=name):
            # Prometheus writes a bound in the shortest way that is the same double.
            bound = float(labels["le"]) * (1 + 1e-12)
            below = [
                float(count)
                for _, _, upper, count in histogram.get("buckets", [])
                if float(upper) <= bound
            ]
            assert sum(below) == cumulated, (name, labels["le"])


def test_kills_are_no_resets(tmp_path):
    """No bucket falls while collector and plugins are killed, and the counts stay exact.

    ``increase()`` over all samples is last minus first: Prometheus saw no reset either.
    """
    flag = "--web.listen-address=127.0.0.1:%d" % free_port()
    with CollectorProcess(flags=[flag]).start() as collector:
        with Prometheus(tmp_path, [job(collector, "native", native="1")], flags=NATIVE) as server:
            plugin, victim = (
                start(
                    "steady", seconds, address=collector.address, task=task, stdin=subprocess.PIPE
                )
                for seconds, task in ((0.4, "exact"), (0, "victim"))
            )
            try:
                for _ in range(3):
                    time.sleep(1)
                    collector.kill()
                    collector.start(wait_ready=False)
                collector.wait_ready()
                time.sleep(1)
                victim.kill()
                victim.communicate()
                victim = start(
                    "steady", 0, address=collector.address, task="victim", stdin=subprocess.PIPE
                )
                time.sleep(1)
                for each in (plugin, victim):
                    each.stdin.close()
                    each.stdin = None
                out, err = plugin.communicate(timeout=60)
                assert plugin.returncode == 0, err
                truth = int(out)
                assert victim.communicate(timeout=60)[1] == ""
            finally:
                for each in (plugin, victim):
                    each.kill()
                    each.communicate()
            ended = time.time()
            text = collector.scrape()
            assert recorded(text, "exact") == expected(truth)
            wait_until(lambda: server.value("min(timestamp(waggle_timer_seconds))") > ended)
            found = server.query("waggle_timer_seconds[1h]")
            assert len(found) == 12
            for result in found:
                labels = result["metric"]
                who = {key: labels[key] for key in ("name", "plugin_task")}
                shown = text.value("waggle_timer_seconds_count", **who)
                check_rises(result["histograms"], shown)
                check_increase(server, labels, result["histograms"])


def check_rises(samples, count):
    """Check that no bucket of a series falls from one sample to the next, and the last count."""
    before = {}
    for _, histogram in samples:
        buckets = {upper: float(n) for _, _, upper, n in histogram.get("buckets", [])}
        assert all(buckets.get(upper, 0) >= n for upper, n in before.items())
        assert sum(buckets.values()) == float(histogram["count"])
        before = buckets
    assert float(samples[-1][1]["count"]) == count


def check_increase(server, labels, samples):
    """Check that Prometheus saw no reset between the first sample and the last."""
    (first, begun), (last, ended) = samples[0], samples[-1]
    series = 'waggle_timer_seconds{plugin_task="%(plugin_task)s",name="%(name)s"}' % labels
    # Over exactly the time between two samples increase() has nothing to extrapolate.
    window = "%s[%dms]" % (series, round((last - first) * 1000))
    increase = server.value("histogram_count(increase(%s))" % window, at=last)
    assert increase == pytest.approx(float(ended["count"]) - float(begun["count"]))
