"""``waggle-live top`` against real collectors: in a pipe, in a terminal, and without rich."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
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


def test_letters_that_the_terminal_does_not_know(collector, task):
    """A question mark stands for them, and the table is whole."""
    with running(collector, task):
        environ = dict(os.environ, PYTHONIOENCODING="ascii")
        status, out, err = top("--once", collector.url, env=environ)
    assert (status, err) == (0, "")
    assert task + ": up" in out


def test_once_fails_with_a_node(collector, task):
    """The others are shown all the same, and the one that failed says why."""
    with running(collector, task):
        status, out, err = top("--once", "http://127.0.0.1:9", collector.url)
    assert (status, err) == (1, "")
    assert "http://127.0.0.1:9  can't be reached: Connection refused. Looking again." in out
    assert task + ": up" in out


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
        assert shown.stdout.readline().startswith(b"instrument")
        shown.stdout.close()
        assert (shown.wait(DEADLINE), shown.stderr.read()) == (0, b"")


class Terminal:
    """A terminal of 100 columns and 30 rows with the command in it."""

    def __init__(self, *arguments):
        self.ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.modes = termios.tcgetattr(self.theirs)
        self.seen = ""
        environ = dict(os.environ, TERM="xterm-256color", PYTHONIOENCODING="utf-8")
        for name in ("COLUMNS", "LINES", "NO_COLOR", "CI"):
            environ.pop(name, None)
        self.process = subprocess.Popen(
            [*TOP, *arguments],
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=self.theirs,
            env=environ,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)

    def type(self, text):
        """Press keys."""
        self.seen = ""
        os.write(self.ours, text.encode())

    def until(self, condition):
        """Read until what was drawn since the last keys fits; styles are left out."""
        deadline = time.monotonic() + DEADLINE
        while not condition(self.seen):
            assert time.monotonic() < deadline, self.seen
            if select.select([self.ours], [], [], 0.1)[0]:
                data = os.read(self.ours, 65536).decode("utf-8", "replace")
                self.seen += re.sub(r"\x1b\[[0-9;]*m", "", data)

    def end(self):
        """Wait for its end and return its status and what it left on the screen."""
        self.until(lambda seen: self.process.poll() is not None)
        while select.select([self.ours], [], [], 0.1)[0]:
            data = os.read(self.ours, 65536).decode("utf-8", "replace")
            self.seen += re.sub(r"\x1b\[[0-9;]*m", "", data)
        return self.process.returncode, self.seen.rpartition("\x1b[?1049l")[2]


def test_a_terminal_is_drawn_and_takes_keys(own_collector, task):
    """Sorting and a filter by keys; q leaves the last picture and the terminal as it was."""
    with running(own_collector, task), Terminal(own_collector.url) as terminal:
        terminal.until(lambda seen: task + ": up" in seen and "q quit" in seen and "trend" in seen)
        terminal.type("s")
        terminal.until(lambda seen: "sort: rate" in seen)
        terminal.type("/CARSx\x7f")
        terminal.until(lambda seen: "filter: CARS▏" in seen and "filter: CARSx▏" not in seen[-900:])
        terminal.type("\rq")
        status, left = terminal.end()
        assert status == 0
        assert re.search(r"^cars +gauge +3 ", left, re.MULTILINE)
        assert "inference" not in left
        assert termios.tcgetattr(terminal.theirs) == terminal.modes


def test_an_interrupt_is_a_good_end(collector):
    """Ctrl-C leaves the terminal as it was, with status 0."""
    with Terminal(collector.url) as terminal:
        terminal.until(lambda seen: "q quit" in seen)
        terminal.process.send_signal(signal.SIGINT)
        status, _ = terminal.end()
        assert status == 0 and "Traceback" not in terminal.seen
        assert termios.tcgetattr(terminal.theirs) == terminal.modes


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
    said = "waggle-live: top is a package of its own: pip install 'waggle-live-controller[top]'\n"
    for arguments in ((), ("--once",), ("--help",)):
        assert without_packages("", *command, "top", *arguments) == (2, "", said)
    assert without_packages("", *command, "--version")[0] == 0


def test_without_rich_it_says_what_to_install():
    """The controller comes without it; its version and help don't need it."""
    code = "import sys; from waggle_live_controller.top.command import main; sys.exit(main())"
    said = "waggle-live-top: top needs the package rich: pip install 'waggle-live-controller[top]'"
    command = ("-c", code)
    assert without_packages("controller", *command) == (2, "", said + "\n")
    assert without_packages("controller", *command, "--version")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["http://host:port"], "a node is http://host:port"),
        (["a", "a:9090"], "twice"),
        (["--user", "alice", "host"], "WAGGLE_LIVE_PASSWORD"),
        (["--ca-file", "/none", "https://host"], "/none"),
        (["--interval", "0"], "more than 0 s"),
        (["--sort", "x"], "invalid choice"),
    ],
)
def test_errors_of_usage(arguments, text):
    """Status 2 and a message, before anything is drawn."""
    status, out, err = top(*arguments)
    assert (status, out) == (2, "")
    assert text in err and "Traceback" not in err


def test_running_a_plugin_loads_nothing_of_it():
    """``waggle-live run`` stays as quick as it was: no HTTP, no TLS, no rich."""
    code = (
        "import sys, waggle_live.__main__; "
        "print([n for n in ('http.client', 'ssl', 'rich') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
