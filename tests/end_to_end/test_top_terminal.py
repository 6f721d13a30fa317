"""``waggle-live top`` on a terminal: what it shows, and that it gives the terminal back."""

import os
import re
import signal
import subprocess
import sys
import time

import bcrypt
import pytest

pytest.importorskip("rich", reason="needs the package rich")
pytest.importorskip("pyte", reason="needs the package pyte")

from tests.collector.harness import CollectorProcess

from .terminal import CURSOR, GIVEN_BACK, OTHER, Terminal
from .test_controller import running
from .test_top import TOP, top

SHELL = ("bash", "--norc", "--noprofile", "-i")
#: What a node's line says once it has answered.
UP = r"\d plugins? up"


def test_a_terminal_is_drawn_and_takes_keys(own_collector, task):
    """Sorting and a filter by keys; q leaves the last picture and the terminal as it was."""
    with running(own_collector, task), Terminal(*TOP, own_collector.url) as terminal:
        terminal.until(lambda text: task + ": up" in text and "q quit" in text and "trend" in text)
        terminal.type("s")
        terminal.until(lambda text: "sort: rate" in text)
        terminal.type("f")
        terminal.until(lambda text: "f unfold" in text and "instrument" not in text)
        terminal.type("f/CARSx\x7f")
        terminal.until(lambda text: re.search("filter: CARS▏", text))
        terminal.type("\r")
        terminal.until(lambda text: "inference" not in text)
        terminal.type("q")
        assert terminal.end() == 0
        assert re.search(r"^cars +gauge +3 ", terminal.left, re.MULTILINE)
        assert "inference" not in terminal.left
        assert terminal.is_given_back


def test_home_and_end_scroll_all_the_way(collector, task):
    """In each form of their keys; the titles stay."""
    with running(collector, task), Terminal(*TOP, collector.url, lines=8) as terminal:
        terminal.until(lambda text: "more lines" in text and "instrument" in text)
        for key in ("\x1b[F", "\x1bOF", "\x1b[4~", "\x1b[8~"):
            terminal.type(key)
            terminal.until(lambda text: "memory" in text and text.startswith("instrument"))
            terminal.type({"\x1b[F": "\x1b[H", "\x1bOF": "\x1bOH"}.get(key, "\x1b[1~"))
            terminal.until(lambda text: text.startswith(collector.url))
        terminal.type("\x1b[6~")
        terminal.until(lambda text: text.startswith("instrument"))
        terminal.type("\x1b[5~")
        terminal.until(lambda text: text.startswith(collector.url))


def test_the_screen_follows_the_terminal_s_size(collector, task):
    """The last line is the foot, whatever the size; what stood there before is gone."""
    with running(collector, task), Terminal(*TOP, collector.url) as terminal:
        for columns, lines in ((140, 40), (60, 12), (40, 20), (100, 30)):
            terminal.resize(columns, lines)
            terminal.until(
                lambda text: text.count("q quit") == 1 and "q quit" in text.splitlines()[-1]
            )
            terminal.until(lambda text, wide=columns >= 80: ("trend" in text) == wide)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_what_ends_it_gives_the_terminal_back(collector, number):
    """Ctrl-C is a good end; others say which signal it was."""
    with Terminal(*TOP, collector.url) as terminal:
        terminal.until(lambda text: "q quit" in text)
        assert terminal.modes[OTHER] and not terminal.modes[CURSOR]
        terminal.process.send_signal(number)
        assert terminal.end() == (0 if number == signal.SIGINT else 128 + number)
        assert b"Traceback" not in terminal.seen
        assert terminal.is_given_back


def test_it_ends_when_nobody_reads_what_it_writes(collector):
    """A terminal that takes nothing more doesn't hold it."""
    with Terminal(*TOP, "--interval", "0.01", collector.url) as terminal:
        terminal.until(lambda text: "q quit" in text)
        for size in range(60, 200):  # each is a picture, until none fits any more
            terminal.resize(size, 60)
            time.sleep(0.02)
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.process.wait(20) == 128 + signal.SIGTERM


def test_a_terminal_that_is_gone_ends_it(collector):
    """Also if SIGHUP is ignored, as under nohup."""
    code = (
        "import signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
        "from waggle_live_controller.top.command import main; sys.exit(main(sys.argv[1:]))"
    )
    terminal = Terminal(sys.executable, "-c", code, collector.url)
    terminal.until(lambda text: "q quit" in text)
    os.close(terminal.ours)
    os.close(terminal.theirs)
    assert terminal.process.wait(20) == 129


def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it_again(collector):
    """Again and again; in the background nothing is drawn."""
    with Terminal(*SHELL, PS1="shell> ") as terminal:
        terminal.until(lambda text: "shell>" in text)
        terminal.type("%s %s\n" % (" ".join(TOP), collector.url))
        terminal.until(lambda text: "q quit" in text)
        for _ in range(2):
            terminal.type("\x1a")
            terminal.until(lambda text: "Stopped" in text)
            assert terminal.modes == GIVEN_BACK
            terminal.type("bg; echo in back\n")
            terminal.until(lambda text: "\nin back" in text)
            terminal.seen = b""
            while terminal.read(1.5):
                pass
            assert not terminal.modes[OTHER] and b"q quit" not in terminal.seen
            terminal.type("fg\n")
            terminal.until(lambda text: terminal.modes[OTHER] and "q quit" in text)
            terminal.until(lambda text: not terminal.modes[CURSOR])
        terminal.type("q")
        terminal.until(lambda text: terminal.modes == GIVEN_BACK)
        terminal.type("echo status $?\n")
        terminal.until(lambda text: "status 0" in text)


def test_what_was_stopped_outright_is_taken_anew(collector):
    """SIGSTOP can't be seen; all is drawn again when it goes on."""
    with Terminal(*TOP, collector.url) as terminal:
        terminal.until(lambda text: "q quit" in text)
        terminal.process.send_signal(signal.SIGSTOP)
        os.write(terminal.theirs, b"\x1b[2J\x1b[?25hsomething else")
        terminal.until(lambda text: "something else" in text and "q quit" not in text)
        terminal.process.send_signal(signal.SIGCONT)
        terminal.until(lambda text: "q quit" in text and "something else" not in text)
        assert not terminal.modes[CURSOR]
        terminal.type("q")
        assert terminal.end() == 0 and terminal.is_given_back


@pytest.mark.parametrize("term", ["dumb", "unknown", "", None])
def test_a_terminal_without_a_cursor_gets_a_table(collector, task, term):
    """Each 5 s a new one, without control characters; Ctrl-C ends it."""
    command = (*TOP, "--filter", task, collector.url)
    with running(collector, task), Terminal(*command, term=term) as terminal:
        terminal.until(lambda text: task + ": up" in text)
        assert b"\x1b" not in terminal.seen
        terminal.type("\x03")
        assert terminal.end() == 0 and terminal.is_given_back


@pytest.mark.parametrize("columns", [40, 60, 80, 140, 200, 400])
def test_wide_letters_shift_no_row_of_the_screen(collector, task, columns):
    """Numbers end in the same cell, as a terminal counts cells."""
    command = (*TOP, "--filter", task, collector.url)
    with running(collector, task + "-检测") as live:
        live.gauge("wide", where="检测🚗é" * 9).set(7)
        with Terminal(*command, columns=columns) as terminal:
            terminal.until(lambda text: "\nwide" in text and "q quit" in text)
            screen = terminal.screen
            titles = next(line for line in screen.display if line.startswith("instrument"))
            end = titles.index("last") + 3
            for line in range(screen.lines):
                for name, value in (("cars", "3"), ("wide", "7")):
                    if screen.display[line].startswith(name):
                        assert screen.buffer[line][end].data == value
            assert "检测: up" in terminal.text


def test_ascii_is_drawn_where_the_locale_has_no_more(collector, task):
    """Curves and cuts, too."""
    with running(collector, task), Terminal(*TOP, collector.url, LC_ALL="C") as terminal:
        terminal.until(lambda text: "trend" in text and "q quit" in text)
        assert terminal.text.isascii() and terminal.seen.isascii()
        assert "?" not in terminal.text


@pytest.fixture
def guarded(tmp_path):
    """A collector that wants a user and a password."""
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    config = tmp_path / "web.yml"
    config.write_text("basic_auth_users: {alice: %s}\n" % hashed)
    with CollectorProcess(flags=["--web.config.file=%s" % config]) as collector:
        collector.start(wait_ready=False)
        yield collector


@pytest.mark.parametrize("arguments", [(), ("--user", "alice")])
def test_a_user_and_a_password_are_asked_for(guarded, collector, arguments):
    """Where a node wants them and none were given; the password isn't echoed."""
    with Terminal(*TOP, *arguments, guarded.url, collector.url) as terminal:
        if not arguments:
            terminal.until(lambda text: guarded.url + ": user name:" in text)
            terminal.type("alice\n")
        terminal.until(lambda text: guarded.url + ": password of alice:" in text)
        terminal.type("secret\n")
        terminal.until(lambda text: "q quit" in text and len(re.findall(UP, text)) == 2)
        assert b"secret" not in terminal.seen
        terminal.type("q")
        assert terminal.end() == 0 and terminal.is_given_back


def test_nobody_is_asked_in_vain(guarded, collector):
    """Not for a node that wants no password, nor if the variable has it; Ctrl-C is an end."""
    with Terminal(*TOP, collector.url) as terminal:
        terminal.until(lambda text: "q quit" in text)
    arguments = ("--user", "alice", guarded.url)
    with Terminal(*TOP, *arguments, WAGGLE_LIVE_PASSWORD="secret") as terminal:
        terminal.until(lambda text: "q quit" in text and re.search(UP, text))
    with Terminal(*TOP, *arguments, WAGGLE_LIVE_PASSWORD="wrong") as terminal:
        terminal.until(lambda text: "q quit" in text and "--user NAME" in text)
    with Terminal(*TOP, guarded.url) as terminal:
        terminal.until(lambda text: "user name:" in text)
        terminal.type("\x03")
        assert terminal.end() == 0 and terminal.is_given_back


def test_without_a_terminal_it_says_how_a_password_is_given(guarded):
    """Nobody can be asked there."""
    status, out, _ = top("--once", guarded.url, stdin=subprocess.DEVNULL)
    assert status == 1
    assert "--user NAME" in out and "WAGGLE_LIVE_PASSWORD" in out
