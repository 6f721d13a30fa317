"""``waggle_live_controller`` against real collectors with real plugins."""

import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import bcrypt
import pytest

from tests.collector.harness import CollectorProcess, wait_until
from waggle_live import LiveMetrics
from waggle_live_controller import (
    AmbiguousPlugin,
    Fleet,
    Node,
    NodeNotReady,
    NodeRefused,
    NodeUnreachable,
    UnknownPlugin,
)

from .test_pythons import ROOT, interpreter

#: The oldest and the newest that it runs on.
PYTHONS = ("3.8", "3.13")


@contextmanager
def running(collector, task, job="", plugin="yolo", seconds=0.02):
    """A plugin of this process that has timed two blocks and counted 20 frames."""
    live = LiveMetrics(
        address=collector.address, plugin_name=plugin, task=task, job=job, interval=0.02
    )
    with live:
        with live.timer("inference"):
            time.sleep(seconds)
        with live.timer("inference", model="tiny"):
            pass
        for _ in range(20):
            live.rate("fps").tick()
        live.gauge("cars").set(3)
        live.counter("frames").inc(7)
        assert live.flush(10)
        try:
            yield live
        finally:
            live.close()


def test_a_snapshot_has_what_the_plugin_did(collector, task):
    """All kinds of instruments, labelled ones too, in seconds, with who it is."""
    with Node(collector.url) as node, running(collector, task, job="j"):
        snapshot = node.poll()
        one = snapshot.plugins[task]
        assert (one.identity, one.up) == (("yolo", task, "j"), True)
        timer = one.timers["inference"]
        assert timer.count == 1
        assert 0.02 <= timer.last < 2
        assert timer.mean == pytest.approx(timer.last)
        for quantile in (timer.p50, timer.p95, timer.p99):
            assert quantile == pytest.approx(timer.last, rel=0.05)
        assert 0 <= timer.age < 30 and 0 <= one.silent < 30
        assert one.timers.labelled("inference", model="tiny").count == 1
        fps = one.rates["fps"]
        assert fps.total == 20 and fps.per_second > 0 and 0 <= fps.age < 30
        assert (one.gauges["cars"].value, one.counters["frames"].total) == (3, 7)
        with pytest.raises(UnknownPlugin):
            snapshot.plugins["nobody"]


#: A plugin that names nothing to measure.
BARE = """
import time
from waggle_live import Plugin
with Plugin() as plugin, open("picture.txt", "w") as picture:
    plugin.upload_file(picture.name)
    while True:
        plugin.publish("env.count", 1)
        time.sleep(0.1)
"""


def test_a_plugin_without_an_instrument_tells_what_it_publishes_and_uses(collector, task, tmp_path):
    """As it is now, too: a rate of messages, a share of a core, and whose memory it is."""
    environ = dict(os.environ, WAGGLE_LIVE_METRICS=collector.address, WAGGLE_LIVE_TASK=task)
    environ.update(PYWAGGLE_LOG_DIR=str(tmp_path), PYTHONPATH=str(ROOT))
    node = Node(collector.url)
    with subprocess.Popen([sys.executable, "-c", BARE], env=environ, cwd=str(tmp_path)) as running:
        try:
            wait_until(lambda: task in node.poll().plugins)
            wait_until(lambda: node.poll().plugins[task].messages.get("env.count", 0) >= 10)

            def busy():
                one = node.poll().plugins[task]
                return one if one.cpu_per_second else None

            one = wait_until(busy)
        finally:
            running.terminate()
    assert 0 < one.messages_per_second["env.count"] < 30
    assert 0 <= one.messages_age["env.count"] < 30
    assert one.uploads == 1 and 0 <= one.uploads_per_second <= 1 and one.uploads_age >= 0
    assert one.cpu_per_second > 0 and one.cpu_seconds > 0
    assert one.memory_bytes > 1e6 and one.memory_scope in ("container", "process")


@pytest.mark.parametrize(
    ("page", "said"),
    [("README.md", "up inference"), ("docs/guides/reading.md", "yolo takes")],
)
def test_the_examples_of_the_pages_run(collector, page, said, capsys):
    """As they stand there, asked of this collector."""
    text = Path(ROOT, page).read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    example = next(each for each in examples if "waggle_live_controller" in each)
    for url in ("http://127.0.0.1:9090", "http://host:9090"):
        example = example.replace(url, collector.url)
    with running(collector, "detect", job=page, seconds=0.06):
        exec(compile(example, page, "exec"), {})
    (seconds,) = re.findall(said + r" (\d+\.\d+)", capsys.readouterr().out)
    assert float(seconds) > 0.05  # a percentile is read off buckets


def test_the_example_that_acts_on_a_process_runs(collector, task, tmp_path):
    """The process that it lowers is the plugin's."""
    text = Path(ROOT, "docs/guides/reading.md").read_text(encoding="utf-8")
    (example,) = (
        each for each in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "stat" in each
    )
    environ = dict(os.environ, WAGGLE_LIVE_METRICS=collector.address, WAGGLE_LIVE_TASK=task)
    environ.update(PYWAGGLE_LOG_DIR=str(tmp_path), PYTHONPATH=str(ROOT))
    node = Node(collector.url)
    with subprocess.Popen([sys.executable, "-c", BARE], env=environ, cwd=str(tmp_path)) as running:
        try:
            wait_until(lambda: task in node.poll().plugins)
            plugin = node.poll().plugins[task]
            assert [each.pid for each in plugin.processes] == [running.pid]
            exec(compile(example, "reading.md", "exec"), {"plugin": plugin})
            assert os.getpriority(os.PRIO_PROCESS, running.pid) == 10
        finally:
            running.terminate()


def test_a_plugin_that_ends_is_gone_and_not_at_zero(collector, task):
    """``up`` says so at once; its rate is None while /metrics shows a number, and its last values
    stay with their ages."""
    with running(collector, task) as live:
        live.close(timeout=30)
    node = Node(collector.url)
    one = node.poll().plugins[task]
    assert not one.up
    assert one.rates["fps"].per_second is None
    assert one.timers["inference"].last > 0
    assert one.sessions == 0


def test_plugins_with_one_task_do_not_hide_one_another(collector, task):
    """Two jobs at once are told apart; once one of them has ended the other is meant."""
    node = Node(collector.url)
    with running(collector, task, job="1") as first:
        first.counter("of").inc(1)
        with running(collector, task, job="2") as second:
            second.counter("of").inc(2)
            assert first.flush(10) and second.flush(10)
            plugins = node.poll().plugins
            with pytest.raises(AmbiguousPlugin):
                plugins[task]
            for job in (1, 2):
                one = plugins['%s{job="%d",plugin="yolo"}' % (task, job)]
                assert one.counters["of"].total == job
        plugins = wait_until(lambda: _with(node, task))
        assert plugins[task].identity.job == "1"
        assert not plugins['%s{job="2",plugin="yolo"}' % task].up


def _with(node, task):
    plugins = node.poll().plugins
    return plugins if task in list(plugins) else None


def test_a_collector_that_stops_and_starts_is_told_as_such(own_collector, task):
    """Unreachable while it is away, not ready at first, and then there again with its numbers."""
    with running(own_collector, task):
        fleet = Fleet([own_collector.url])
        (url,) = fleet.poll().snapshots
        own_collector.terminate()
        assert isinstance(fleet.poll().errors[url], NodeUnreachable)
    own_collector.start(wait_ready=False)
    node, waiting = Node(own_collector.url), 0
    while True:
        try:
            snapshot = node.poll()
        except NodeNotReady as error:
            assert "wait" in str(error)
            waiting += 1
            continue
        break
    assert waiting > 0
    assert not snapshot.plugins[task].up


@pytest.fixture
def secured(tmp_path):
    """A collector with TLS, client certificates and a user."""
    pytest.importorskip("cryptography", reason="needs the package cryptography")
    from tests.collector.certificates import Authority

    authority = Authority(tmp_path)
    authority.server()
    authority.client()
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    config = tmp_path / "web.yml"
    config.write_text(
        "tls_server_config: {cert_file: server.crt, key_file: server.key, "
        "client_ca_file: ca.crt, client_auth_type: RequireAndVerifyClientCert}\n"
        f"basic_auth_users: {{alice: {hashed}}}\n"
    )
    with CollectorProcess(flags=[f"--web.config.file={config}"]) as collector:
        collector.start(wait_ready=False)
        files = {name: str(tmp_path / name) for name in ("ca.crt", "client.crt", "client.key")}
        yield collector, collector.url.replace("http:", "https:"), files


def test_tls_certificates_and_passwords(secured, task):
    """With all three it answers; each that is missing or wrong is named."""
    collector, url, files = secured
    ours = {"ca_file": files["ca.crt"]}
    ours.update(cert_file=files["client.crt"], key_file=files["client.key"])
    alice = {"username": "alice", "password": "secret"}
    node = Node(url, timeout=20, **ours, **alice)

    def ready():
        try:
            return node.poll()
        except NodeNotReady:
            return None

    wait_until(ready)
    with running(collector, task):
        assert node.poll().plugins[task].up
    with pytest.raises(NodeUnreachable, match="not to be trusted"):
        Node(url, **alice).poll()
    with pytest.raises(NodeRefused, match="password"):
        Node(url, timeout=20, **ours).poll()
    with pytest.raises(NodeRefused, match="password"):
        Node(url, timeout=20, username="alice", password="no", **ours).poll()
    with pytest.raises((NodeRefused, NodeUnreachable), match="certificate of us"):
        Node(url, timeout=20, ca_file=files["ca.crt"], **alice).poll()
    with pytest.raises(NodeUnreachable, match="https"):
        Node(collector.url).poll()


def test_http_is_no_https(collector):
    """TLS asked of a collector without it: the message says what to try."""
    with pytest.raises(NodeUnreachable, match="is it http there"):
        Node(collector.url.replace("http:", "https:"), timeout=20).poll()


ONE_LINE = (
    "import sys; from waggle_live_controller import Node; "
    "print(Node(sys.argv[1]).poll().plugins[sys.argv[2]].timers['inference'].count)"
)


@pytest.mark.parametrize("version", PYTHONS)
def test_any_supported_python_reads_it(collector, task, version):
    """The controller from the wheel, on that Python."""
    python = interpreter(version)
    if not python.exists():
        pytest.skip(f"no .venv-{version}: `make pythons` makes it where there is CPython {version}")
    with running(collector, task):
        command = [str(python), "-W", "error", "-c", ONE_LINE, collector.url, task]
        environ = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        done = subprocess.run(
            command, cwd="/", env=environ, capture_output=True, text=True, timeout=60, check=False
        )
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_importing_it_loads_nothing_of_a_plugin_and_starts_nothing():
    """No pywaggle, no client, no rich, no thread."""
    code = (
        "import sys, threading, waggle_live_controller; "
        "print([n for n in ('waggle', 'pika', 'rich', 'waggle_live') if n in sys.modules], "
        "threading.active_count())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] 1\n"
