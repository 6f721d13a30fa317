"""Log lines."""

import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import threading

import pytest

from waggle_live_collector import logs

from .harness import start, wait_until


def record(message, *args, error=None):
    return logging.LogRecord("x", logging.WARNING, "x", 1, message, args, error)


def test_logfmt_quotes_the_message():
    """A newline or a quote in it can't forge a line."""
    line = logs.Formatter("logfmt").format(record('a "%s"', "b\nc"))
    assert line.endswith(' level=warn msg="a \\"b\\nc\\""')
    assert line.startswith("ts=20")


def test_json_is_one_object_a_line():
    """With the traceback as a field."""
    try:
        raise ValueError("broken")
    except ValueError:
        line = logs.Formatter("json").format(record("a", error=sys.exc_info()))
    fields = json.loads(line)
    assert (fields["msg"], fields["level"]) == ("a", "warn")
    assert "ValueError: broken" in fields["error"]
    assert "\n" not in line


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_levels(form, capfd):
    """What is below the level is not written."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        logs.start("warn", form)
        logging.getLogger("a").info("quiet")
        logging.getLogger("a").warning("loud")
        root.handlers[0].close()
    finally:
        root.handlers, root.level = handlers, level
    err = capfd.readouterr().err
    assert "loud" in err
    assert "quiet" not in err


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_what_a_stranger_says_is_escaped(form):
    """No control character, of either set, and none that turns the text around."""
    strange = "\x00\x07\x1b[2J\x7f\x9b2J\u202e\u2028\r\n\ud800"
    line = logs.Formatter(form).format(record("%s", strange))
    assert line.isascii()
    assert line.isprintable()


class Pipe:
    """A pipe as standard error is, with a handler that writes into it."""

    def __init__(self, **bounds):
        self.ours, self.theirs = os.pipe()
        fcntl.fcntl(self.theirs, fcntl.F_SETPIPE_SZ, 4096)
        self.lost = 0
        self.lines = logs.Lines(self.theirs, **bounds)
        self.lines.setFormatter(logs.Formatter("json"))
        self.lines.count_lost = self._count

    def _count(self):
        self.lost += 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lines.close()
        for descriptor in (self.ours, self.theirs):
            os.close(descriptor)

    def read(self, last):
        """Return the messages up to the one that begins with ``last``."""
        said = []
        with open(self.ours, "rb", closefd=False) as file:
            for line in file:
                said.append(json.loads(line)["msg"])
                if said[-1].startswith(last):
                    return said
        raise AssertionError(said)


def test_a_full_pipe_blocks_nobody_and_says_later_what_it_lost():
    """Lines come in order; the lost ones are the newest, and counted; then it goes on."""
    with Pipe(max_waiting=20_000) as pipe:
        for number in range(1000):
            pipe.lines.emit(record("line %d", number))
        assert pipe.lost > 500
        said = pipe.read("%d lines" % pipe.lost)
        assert said[:-1] == ["line %d" % number for number in range(1000 - pipe.lost)]
        pipe.lines.emit(record("again"))
        assert pipe.read("again") == ["again"]


def test_a_descriptor_that_does_not_block_loses_nothing():
    """Who shares the terminal may have made it so: then the thread waits."""
    with Pipe() as pipe:
        os.set_blocking(pipe.theirs, False)
        reader = threading.Timer(0.1, lambda: said.extend(pipe.read("last")))
        said = []
        reader.start()
        for number in range(500):
            pipe.lines.emit(record("line %d", number))
        pipe.lines.emit(record("last"))
        reader.join()
        assert len(said) == 501
        assert not pipe.lost


def test_a_reader_that_is_gone_costs_lines_alone():
    """Each is counted, and the handler goes on."""
    with Pipe() as pipe:
        devnull = os.open(os.devnull, os.O_RDONLY)
        os.dup2(devnull, pipe.ours)
        os.close(devnull)
        for number in range(3):
            pipe.lines.emit(record("line %d", number))
            wait_until(lambda number=number: pipe.lost == number + 1)


def test_a_line_that_cannot_be_made_is_told():
    """Our own mistake raises nothing into whoever logs."""
    with Pipe() as pipe:
        pipe.lines.emit(record("%d", "no number"))
        assert "can't be made: '%d': TypeError" in pipe.read("a line")[0]


#: Standard error becomes a pipe that nobody reads, and full, by a signal.
FULL = """
import logging, os, signal, threading
from waggle_live_collector.__main__ import main
def fill():
    os.dup2(os.pipe()[1], 2)
    for number in range(1000):
        logging.getLogger("x").warning("x" * 1000)
signal.signal(signal.SIGUSR1, lambda *_: threading.Thread(target=fill).start())
main()
"""


def test_standard_error_that_is_full_stops_neither_the_collector_nor_its_end():
    """It answers, counts the lost lines, and ends by SIGTERM as it would."""
    with start(program=FULL) as collector:
        collector.signal(signal.SIGUSR1)
        wait_until(lambda: collector.value("waggle_collector_log_lines_lost_total") > 500)
        assert collector.get("/-/healthy")[0] == 200
        assert collector.terminate() == 0


def test_all_lines_are_written_before_the_end(tmp_path):
    """Of a start that fails too, in their order, and the reason comes last."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "waggle_live_collector", "--log.level=debug"),
            f"--socket.path={tmp_path}",
            "--web.listen-address=127.0.0.1:0",
        ],
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert "descriptors" in lines[0]
    assert "level=error" in lines[-1]
