"""``waggle-live top`` against real collectors: in a pipe, in a terminal, and without rich."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("rich", reason="needs the package rich")

import waggle_live_controller
from tests.collector.harness import CollectorProcess
from tests.programs import free_port

from .test_controller import running
from .workload import ROOT

TOP = (sys.executable, "-m", "waggle_live", "top")
DEADLINE = 30.0
#: A picture each 0.2 s where there is no terminal.
OFTEN = (
    "import sys; from waggle_live_controller.top import loop; loop.PLAIN_INTERVAL = 0.2; "
    "from waggle_live.__main__ import main; sys.exit(main(['top', *sys.argv[1:]]))"
)


def top(*arguments, **more):
    """Run it to its end; return its status, output and errors."""
    done = subprocess.run(
        [*TOP, *arguments], capture_output=True, text=True, timeout=60, check=False, **more
    )
    return done.returncode, done.stdout, done.stderr


def test_once_prints_one_table_for_scripts(collector, task):
    """No control characters, nothing cut, and a filter and an order as asked for."""
    with running(collector, task):
        status, out, err = top("--once", "--filter", "inf", "--sort", "mean", collector.url)
    assert (status, err) == (0, "")
    assert "\x1b" not in out and "trend" not in out
    rows = out[out.index(task + ": up") :].splitlines()[1:3]
    assert rows[0].split()[:3] == ["inference", "timer", "1"]
    assert rows[1].startswith('inference{model="tiny"}  timer')
    assert out.count("instrument") == 1


@pytest.mark.parametrize(
    "environ",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C"},
        {"LC_ALL": "POSIX"},
        {"LANG": "C"},
        {"LC_ALL": "en_US.ISO-8859-1"},
        {"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "latin-1"},
    ],
)
def test_where_the_locale_is_not_utf_8_there_is_ascii_alone(collector, task, environ):
    """Our own letters have others in their place, and none is a question mark."""
    names = ("LC_ALL", "LC_CTYPE", "LANG", "PYTHONUTF8", "PYTHONIOENCODING")
    whole = {key: value for key, value in os.environ.items() if key not in names}
    with running(collector, task):
        status, out, err = top("--once", collector.url, env={**whole, **environ})
    assert (status, err) == (0, "")
    assert task + ": up" in out
    assert out.isascii() and "?" not in out


def test_once_fails_with_a_node(collector, task):
    """The others are shown all the same; the one that failed says why, above them."""
    with running(collector, task):
        status, out, err = top("--once", collector.url, "http://127.0.0.1:9")
    assert (status, err) == (1, "")
    assert out.startswith("http://127.0.0.1:9  can't be reached: Connection refused.\n")
    assert "again" not in out
    assert task + ": up" in out


def test_once_prints_one_json_document(collector, task):
    """All nodes, each with its plugins or with the reason why there are none."""
    with running(collector, task):
        arguments = ("--once", "--json", "--filter", task, collector.url, "127.0.0.1:9")
        status, out, err = top(*arguments)
    assert (status, err) == (1, "")
    whole = json.loads(out)
    good, bad = whole["nodes"]
    assert (whole["form"], good["url"], good["error"]) == (1, collector.url, None)
    (plugin,) = good["plugins"]
    assert (plugin["plugin_task"], plugin["state"]) == (task, "up")
    assert "inference" in {timer["name"] for timer in plugin["timers"]}
    assert (bad["url"], bad["plugins"]) == ("http://127.0.0.1:9", None)
    assert bad["error"] == {"type": "NodeUnreachable", "text": "Connection refused"}
    assert top("--once", "--json", collector.url)[0] == 0


@pytest.mark.parametrize("term", ["xterm-256color", ""])
def test_colours_are_forced_and_nothing_is_cut(collector, task, term):
    """``FORCE_COLOR=1 top --once | less -R`` shows whole lines, as without colours."""
    long = task + "-" + "x" * 150
    with running(collector, long):
        plain = top("--once", "--filter", long, collector.url)[1]
        environ = dict(os.environ, FORCE_COLOR="1", TERM=term)
        coloured = top("--once", "--filter", long, collector.url, env=environ)[1]
    assert "\x1b[" in coloured and "\x1b[?" not in coloured
    assert long in re.sub(r"\x1b\[[0-9;]*m", "", coloured) and long in plain
    lines = {len(line) for line in re.sub(r"\x1b\[[0-9;]*m", "", coloured).splitlines()}
    assert max(lines) > 150


def test_a_collector_that_comes_later_is_found():
    """Until then the message stands there; when it goes, it says since when."""
    port = free_port()
    url = "127.0.0.1:%d" % port
    command = [sys.executable, "-c", OFTEN, "--interval", "0.1", url]
    with CollectorProcess(flags=["--web.listen-address=" + url]) as collector:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as shown:
            try:
                _until(shown, "can't be reached: Connection refused. Looking again.")
                collector.start()
                _until(shown, "no plugin has reported yet")
                collector.stop()
                _until(shown, r"refused; last heard \d\.\d s ago")
            finally:
                shown.send_signal(signal.SIGINT)
                shown.stdout.read()
        assert shown.returncode == 0


def _until(process, pattern):
    deadline = time.monotonic() + DEADLINE
    while not re.search(pattern, process.stdout.readline()):
        assert time.monotonic() < deadline and process.poll() is None, pattern


def test_a_reader_that_leaves_ends_it(collector):
    """``top | head -1`` is no error."""
    command = [sys.executable, "-c", OFTEN, collector.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as shown:
        assert shown.stdout.readline().startswith(collector.url.encode())
        shown.stdout.close()
        assert (shown.wait(DEADLINE), shown.stderr.read()) == (0, b"")


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_what_cannot_be_written_is_said(collector, arguments):
    """A full disk is one line and a status, not a traceback."""
    command = [*TOP, "--once", *arguments, collector.url]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr == b"waggle-live top: can't write the output: No space left on device\n"


SCRIPT = str(Path(sys.executable).with_name("waggle-live-top"))


@pytest.mark.parametrize(
    ("command", "program"), [(TOP, "waggle-live top"), ((SCRIPT,), "waggle-live-top")]
)
def test_both_commands_are_the_same_under_their_own_names(command, program):
    """``waggle-live top`` hands its arguments over; what it prints names what was typed."""
    for arguments, status, said in (
        (("--version",), 0, program + " " + waggle_live_controller.__version__ + "\n"),
        (("--help",), 0, "usage: %s [-h]" % program),
        (("--sort", "x"), 2, program + ": error:"),
        (("http://host:port",), 2, program + ": a node is"),
    ):
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        assert (done.returncode, said in done.stdout + done.stderr) == (status, True), arguments


def without_packages(directory, *code):
    """Run Python with the standard library and one directory alone."""
    environ = {"PYTHONPATH": str(ROOT / directory), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-S", *code],
        capture_output=True,
        text=True,
        env=environ,
        cwd="/",
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_without_the_controller_it_says_what_to_install():
    """The client comes without it, and its other commands don't need it."""
    command = ("-m", "waggle_live")
    said = "waggle-live: top is a package of its own: pip install 'waggle-live-controller[top]'"
    said += ", or './controller[top]' in a clone\n"
    for arguments in ((), ("--once",), ("--help",)):
        assert without_packages("", *command, "top", *arguments) == (2, "", said)
    assert without_packages("", *command, "--version")[0] == 0


def test_without_rich_it_says_what_to_install():
    """The controller comes without it; its version and help don't need it."""
    code = "import sys; from waggle_live_controller.top.command import main; sys.exit(main())"
    said = "waggle-live-top: top needs the package rich: pip install 'waggle-live-controller[top]'"
    said += ", or './controller[top]' in a clone"
    command = ("-c", code)
    assert without_packages("controller", *command) == (2, "", said + "\n")
    assert without_packages("controller", *command, "--version")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["http://host:port"], "a node is http://host:port"),
        (["a", "a:9090"], "twice"),
        (["--user", "alice", "host"], "WAGGLE_LIVE_PASSWORD"),
        (["http://alice:secret@host:9090"], "--user"),
        (["alice:secret@host"], "--user"),
        (["--json", "host"], "--once"),
        (["--json", "--once", "--sort", "mean"], "--sort"),
        (["--interval", "x"], "'x'"),
        (["--ca-file", "/none", "https://host"], "/none"),
        (["--interval", "0"], "more than 0 and less than 86400"),
        (["--sort", "x"], "invalid choice"),
    ],
)
def test_errors_of_usage(arguments, text):
    """Status 2 and a message, before anything is drawn."""
    status, out, err = top(*arguments)
    assert (status, out) == (2, "")
    assert text in err and "Traceback" not in err and "secret" not in err


def test_running_a_plugin_loads_nothing_of_it():
    """``waggle-live run`` stays as quick as it was: no HTTP, no TLS, no rich."""
    code = (
        "import sys, waggle_live.__main__; "
        "print([n for n in ('http.client', 'ssl', 'rich') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
