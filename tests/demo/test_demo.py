"""``python -m demo`` as a whole: the real collector, two real plugins, the real video."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

from demo.demonstration import socket_path
from tests.plugin_example.conftest import clip, need
from tests.programs import free_port

__all__ = ["clip"]  # a fixture, found by its name

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tmp_path():
    """A path that is short enough for a socket below it, as pytest's own is not in a worker."""
    with tempfile.TemporaryDirectory(prefix="wl-") as directory:
        yield Path(directory)


@pytest.fixture
def demo(tmp_path):
    """Start the demonstration, with its temporary files where they can be looked for."""
    for module, package in (
        ("cv2", "opencv-python-headless"),
        ("waggle.plugin", "pywaggle"),
        ("ffmpeg", "ffmpeg-python"),
        ("waggle_live_collector", "waggle-live-collector"),
        ("rich", "rich"),
        ("prometheus_client", "prometheus_client"),
    ):
        need(module, package)
    (tmp_path / "tmp").mkdir()
    (tmp_path / "home").mkdir()
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "demo", *map(str, arguments)],
            cwd=ROOT,
            env=dict(os.environ, TMPDIR=str(tmp_path / "tmp"), HOME=str(tmp_path / "home")),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()  # and not killed, for it has children to end
        with process:
            pass


@pytest.fixture
def port():
    """A port that is free just now."""
    return free_port()


def left_behind(tmp_path):
    """Return what a run has left: files, and processes that have its directory in their words."""
    files = [*(tmp_path / "tmp").iterdir(), *(tmp_path / "home").glob(".waggle/*")]
    words = str(tmp_path).encode()
    processes = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if words in entry.read_bytes():
                processes.append(entry)
        except OSError:
            continue
    return files, processes


def wait_for_table(process):
    """Read what the demonstration prints up to the first line of a table."""
    for line in process.stdout:
        if line.startswith("instrument"):
            return
    pytest.fail("no table: %s" % process.stderr.read())


def shape(line):
    """Return the words of a line, with # for each number with its unit, and for a function."""
    line = re.sub(r"\S+ \[\w+\.py:\d+\]", "#", line.replace("/home/you/", "$HOME/"))
    return re.sub(r"[▁-█]+|\d[\d.]*( ?(s|ms|µs|ns|%|/s)(?!\w))?", "#", line).split()


def is_part(words, of):
    """Tell whether these words stand in a line, in this order: how wide it is decides on others."""
    rest = iter(of)
    return all(word in rest for word in words)


def test_two_plugins_report_and_it_ends_by_itself(demo, clip, port, tmp_path):
    """--for: both tasks with all instruments in the table, as in the README; nothing is left."""
    process = demo("--for", 6, "--port", port, "--clip", clip)
    output, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")
    words = output.replace("; it ends after 6 s", "; Ctrl-C ends it")
    words = words.replace(str(tmp_path / "home"), "$HOME")
    printed = [shape(line) for line in words.splitlines()]
    readme = ROOT.joinpath("README.md").read_text(encoding="utf-8")
    _, _, shown = readme.partition("$ make demo\n")
    for line in shown.partition("```")[0].splitlines():
        assert any(is_part(shape(line), of) for of in printed), line
    last = output[output.rindex("instrument") :]
    for task, fps in (("bikes-left", 25), ("bikes-right", 15)):
        _, _, part = last.partition(task + ": up")
        rate = re.search(r"^fps +rate +\d+ +([0-9.]+)", part, re.MULTILINE)
        assert fps / 10 < float(rate.group(1)) < fps * 1.3  # less when the machine is busy
        assert re.search(
            r"^inference +timer +\d+ +[0-9.]+ +[0-9.]+ \S+ +[0-9.]+ \S+ +", part, re.MULTILINE
        )
        assert re.search(r"^movers +gauge +\d+ ", part, re.MULTILINE)
        assert re.search(r'^frames\{moving="yes"\} +counter +\d+ ', part, re.MULTILINE)
    assert left_behind(tmp_path) == ([], [])


def test_a_script_of_ones_own_joins_in(demo, clip, port, tmp_path):
    """The printed line, pasted before a script, has the script reported beside the plugins."""
    process = demo("--port", port, "--clip", clip)
    lines = list(iter(process.stdout.readline, "\n"))
    (line,) = [each for each in lines if each.startswith("export ")]
    path = tmp_path / "home" / ".waggle" / ("demo-%d.sock" % port)
    assert line == "export WAGGLE_LIVE_METRICS=unix://%s\n" % path
    code = "from waggle_live import LiveMetrics\nLiveMetrics().counter('mine').inc(7)"
    words = [shlex.quote(sys.executable), "-c", shlex.quote(code)]
    subprocess.run(["sh", "-c", line + " ".join(words)], cwd=str(tmp_path), check=True)
    with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % port) as answer:
        assert re.search(r'waggle_count_total\{name="mine",.*\} 7\.0\n', answer.read().decode())
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert left_behind(tmp_path) == ([], [])


def test_the_socket_of_a_user_without_a_home(monkeypatch, tmp_path):
    """Where a home is missing, or too long for a socket, it stands in the run's directory."""
    for home in ("/nowhere", str(tmp_path / ("x" * 100))):
        monkeypatch.setenv("HOME", home)
        assert socket_path(tmp_path, 9090) == tmp_path / "live_metrics.sock"


@pytest.mark.alone
def test_a_deadline_is_held_under_a_load(demo, clip, port, tmp_path):
    """--control: a knob is turned in the second half; what happened is printed at the end."""
    process = demo("--control", "--for", 16, "--port", port, "--clip", clip)
    output, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")
    assert "5 processes of load are there" in output
    assert "held by waggle-live-controller" in output
    table = output[output.rindex("without") :].splitlines()
    assert table[0].split() == ["without", "with", "a", "controller"]
    assert re.match(r"deadline met +\d+ % +\d+ %", table[1])
    _, without, with_one = re.split(r" {2,}", table[3].strip())
    assert float(without.split()[0]) > float(with_one.split()[0])  # a frame's mean under load
    assert left_behind(tmp_path) == ([], [])


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_its_children(demo, clip, port, tmp_path, signum):
    """Ctrl-C is a good end; after any signal nothing is left behind."""
    status = 0 if signum == signal.SIGINT else 128 + signum
    process = demo("--port", port, "--clip", clip)
    wait_for_table(process)
    process.send_signal(signum)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (status, "")
    assert left_behind(tmp_path) == ([], [])


def test_a_plugin_that_dies_ends_it(demo, clip, port, tmp_path):
    """The death of a child is an error that names it, and ends the others."""
    process = demo("--port", port, "--clip", clip)
    wait_for_table(process)
    _, running = left_behind(tmp_path)
    collector = [entry for entry in running if b"waggle_live_collector" in entry.read_bytes()]
    os.kill(int(collector[0].parent.name), signal.SIGKILL)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "demo: collector ended by signal 9" in errors
    assert left_behind(tmp_path) == ([], [])


def test_a_port_that_is_taken_is_an_error(demo, clip, tmp_path):
    """Before anything is started, with the way out in the message."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = demo("--for", 1, "--port", port, "--clip", clip)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (1, "")
    assert "port %d can't be used" % port in errors and "PORT=" in errors
    assert left_behind(tmp_path) == ([], [])


def test_a_missing_clip_is_an_error(demo, port, tmp_path, monkeypatch):
    """When pip can't fetch the clip, the message says what pip said and what else can be done."""
    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    process = demo("--for", 1, "--port", port, "--clip", tmp_path / "none.mp4")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "there is no video" in errors and "none.mp4" in errors and "Traceback" not in errors
    assert left_behind(tmp_path) == ([], [])


def test_a_missing_clip_without_a_network(demo, port, tmp_path, monkeypatch):
    """Which index can't be reached is said at once: pip would try for minutes."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    process = demo("--for", 1, "--port", port, "--clip", tmp_path / "none.mp4")
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "http://127.0.0.1:1/simple can't be reached" in errors and "none.mp4" in errors
    assert left_behind(tmp_path) == ([], [])


@pytest.mark.parametrize("port", ["0", "70000", "-1"])
def test_a_number_that_is_no_port_is_an_error(demo, port):
    """Ports are 1 to 65535."""
    process = demo("--for", 1, "--port=" + port)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1 and "no port" in errors


def test_the_clock_of_a_run_starts_with_the_first_reports(demo, clip, port):
    """--for counts from the moment both plugins have reported, however slow the start was."""
    begin = time.monotonic()
    process = demo("--for", 0, "--port", port, "--clip", clip)
    output, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")
    assert "bikes-right: up" in output
    assert time.monotonic() - begin < 60
