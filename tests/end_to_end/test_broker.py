"""What pywaggle sends through a real broker it sends through ours, to the byte."""

import os
import re
import subprocess
import sys

import pytest
import wagglemsg
from waggle.plugin import Plugin as WagglePlugin

from tests.broker import USER, Forwarder
from tests.collector.harness import wait_until
from tests.end_to_end.test_pythons import interpreter
from tests.end_to_end.workload import ROOT, WORKLOADS, wait_equal
from waggle_live import Plugin

PYTHONS = ("3.6", "3.8", "3.13")
STAMP = 1700000000123456789

#: What workloads/publishing.py publishes: in its order, then the children's, in any.
TIMED, FAILING = "plugin.duration.inference", "plugin.duration.failing"
NAMES = [
    "env." + name for name in ["count", "ratio", "text", "big", "true", "nan", "node", "beehive"]
]
NAMES += ["upload", "upload", TIMED]
CHILDREN = ["child.fork", "child.spawn"]

#: How the workload is run: what stands before it, and where it imports ``Plugin`` from.
WAYS = {
    "plain": ([], "waggle.plugin"),
    "ours": ([], "waggle_live"),
    "run": (["-m", "waggle_live", "run", "--"], "waggle.plugin"),
}
# What pywaggle itself says on Python 3.6.
NOISE = "using backwards compatible implementation of time_ns\n"


def start(way, broker, collector, directory, *, python, pod):
    """Start the workload in a directory of its own, as that pod."""
    before, module = WAYS[way]
    directory.mkdir()
    environ = {name: value for name, value in os.environ.items() if "WAGGLE" not in name}
    environ.update(broker.environment(pod))
    environ.update(
        PYTHONPATH=str(ROOT),
        PYTHONWARNINGS="ignore::DeprecationWarning",  # 3.12 warns of forks beside threads
        WAGGLE_LIVE_METRICS=collector.address,
        WAGGLE_PLUGIN_UPLOAD_PATH=str(directory / "uploads"),
    )
    return subprocess.Popen(
        [str(python), *before, str(WORKLOADS / "publishing.py"), module, str(directory)],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )


def finish(process):
    """Wait for its good end, without a word."""
    output, _ = process.communicate(timeout=60)
    assert (process.returncode, output.replace(NOISE, "")) == (0, "")


def frozen(message):
    """Return its body without what can't be given in advance: a duration, and when it ended."""
    if name_of(message) != TIMED:
        return message.body
    body, stamps = re.subn(rb'"ts":\d{19},', b'"ts":STAMP,', message.body)
    body, values = re.subn(rb'"val":\d+}', b'"val":DURATION}', body)
    assert (stamps, values) == (1, 1), message.body
    return body


def name_of(message):
    """Return the name that a message was published under."""
    return wagglemsg.load(message.body).name


def uploads(directory):
    """Return all files below a plugin's upload directory with their bytes."""
    root = directory / "uploads"
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def check(pythons, broker, collector, tmp_path):
    """Run the workload in each way on each of these, all at once, and compare what they sent."""
    runs = [(number, way) for number in range(len(pythons)) for way in WAYS]
    pods = {"pod-%d-%s" % run: run for run in runs}
    places = {run: tmp_path / pod for pod, run in pods.items()}
    started = [
        start(run[1], broker, collector, places[run], python=pythons[run[0]], pod=pod)
        for pod, run in pods.items()
    ]
    for process in started:
        finish(process)
    sent = {run: [] for run in runs}
    for message in broker.take(len(runs) * len(NAMES + CHILDREN)):
        run = pods[message.properties.pop("app_id")]
        # The broker itself refuses another user than the one that has logged in.
        assert message.properties == {"delivery_mode": 2, "user_id": USER}
        sent[run].append(message)
    assert broker.waiting() == 0
    for messages in sent.values():
        messages[len(NAMES) :] = sorted(messages[len(NAMES) :], key=name_of)
        assert [name_of(message) for message in messages] == NAMES + CHILDREN
    contents = {
        run: [(message.scope, frozen(message)) for message in messages]
        for run, messages in sent.items()
    }
    assert {scope for scope, _ in contents[0, "plain"]} == {"all", "node", "beehive"}
    assert len(uploads(places[0, "plain"])) == 4
    for number, way in runs:
        plain = (number, "plain")
        assert contents[number, way] == contents[plain], (pythons[number], way)
        assert uploads(places[number, way]) == uploads(places[plain]), (pythons[number], way)
    assert_counted(collector, plugins=len(runs) - len(pythons))


def assert_counted(collector, plugins):
    """The collector has the live side of that many plugins."""
    wanted = {
        ("waggle_plugin_messages_total", name): plugins for name in {*NAMES, *CHILDREN} - {"upload"}
    }
    wanted["waggle_plugin_uploads_total", None] = plugins * 2
    wanted["waggle_timer_seconds_count", TIMED] = plugins
    wanted["waggle_timer_seconds_count", FAILING] = plugins
    wanted["waggle_timer_failures_total", FAILING] = plugins

    def shown():
        scrape = collector.scrape()
        return {
            (family, name): scrape.sum(family, **({} if name is None else {"name": name}))
            for family, name in wanted
        }

    # Not at once, for each pod that nobody knows is held back for two seconds.
    wait_equal(shown, wanted)


def test_every_byte_is_pywaggles(broker, own_collector, tmp_path):
    """Bodies, scopes, AMQP properties, order and uploaded files are plain pywaggle's, with our
    Plugin and under ``waggle-live run``; the live numbers are at the collector meanwhile."""
    check([sys.executable], broker, own_collector, tmp_path)


def test_on_other_pythons_too(broker, own_collector, tmp_path):
    """So it is on the oldest Python that plugins have, and on the newest."""
    pythons = [interpreter(version) for version in PYTHONS if interpreter(version).exists()]
    if not pythons:
        pytest.skip("none of CPython %s: `make pythons` makes environments" % ", ".join(PYTHONS))
    check(pythons, broker, own_collector, tmp_path)


def test_unmodified_consumers(broker, monkeypatch):
    """Another plugin on the node, which subscribes, gets what ours publishes; so does ours."""
    for name, value in broker.environment(WAGGLE_LIVE_METRICS="off").items():
        monkeypatch.setenv(name, value)
    with Forwarder(broker), WagglePlugin() as theirs, Plugin() as ours:
        theirs.subscribe("env.theirs.#", "env.theirs.too", "plugin.duration.*")
        ours.subscribe("env.ours.#")
        for topic in ("env.theirs.probe", "plugin.duration.probe", "env.ours.probe"):
            wait_until(lambda topic=topic: broker.is_bound(topic))
        ours.publish("env.neither", 1)
        for kind in ("theirs", "ours"):
            ours.publish("env.%s.car" % kind, 3, {"camera": kind}, STAMP)
        with ours.timeit(TIMED):
            pass
        for kind, consumer in (("theirs", theirs), ("ours", ours)):
            assert consumer.get(timeout=30) == wagglemsg.Message(
                name="env.%s.car" % kind, value=3, timestamp=STAMP, meta={"camera": kind}
            )
        timed = theirs.get(timeout=30)
        assert (timed.name, type(timed.value), timed.meta) == (TIMED, int, {})
        for consumer in (theirs, ours):
            for timeout in (0, 0.01):
                with pytest.raises(TimeoutError, match="plugin get timed out"):
                    consumer.get(timeout=timeout)
    assert broker.waiting() == 0
