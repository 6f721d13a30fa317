"""demo/processes.py: children are watched and always ended."""

import os
import sys
import time

import pytest

from demo import processes
from demo.errors import DemoError
from demo.processes import Children

IDLE = "import time; print('ready', flush=True); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + IDLE


def wait_until_ready(child):
    deadline = time.monotonic() + 20
    while "ready" not in child.tail():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_children_are_ended_with_the_block_the_last_one_first(tmp_path):
    """SIGTERM ends them; in an order in which a plugin can still take leave of its collector."""
    tell = "import signal, sys, time\n%s\nprint('ready', flush=True); time.sleep(60)"
    handler = (
        "signal.signal(signal.SIGTERM, lambda *_: (open('order', 'a').write(%r), sys.exit(0)))"
    )
    with Children(tmp_path) as children:
        for name in ("first", "second"):
            command = [sys.executable, "-c", "import os; os.chdir(%r)\n" % str(tmp_path)]
            command[-1] += tell % (handler % name)
            wait_until_ready(children.start(name, command, os.environ))
        children.check()
    assert (tmp_path / "order").read_text() == "secondfirst"


def test_one_that_stays_is_killed(tmp_path, monkeypatch):
    """A child that ignores SIGTERM is gone after the grace."""
    monkeypatch.setattr(processes, "GRACE", 0.2)
    with Children(tmp_path) as children:
        child = children.start("stubborn", [sys.executable, "-c", STUBBORN], os.environ)
        wait_until_ready(child)
    assert child.process.returncode == -9


def test_they_are_ended_after_an_exception_too(tmp_path):
    """An error in the block leaves nothing behind, and goes on."""
    with pytest.raises(KeyError), Children(tmp_path) as children:
        child = children.start("idle", [sys.executable, "-c", IDLE], os.environ)
        raise KeyError
    assert child.process.returncode is not None


def test_one_that_dies_is_an_error_with_the_end_of_its_log(tmp_path):
    """The message says who, how, and the last lines of what it had to say."""
    code = "import sys; [print('line', n) for n in range(100)]; sys.exit(3)"
    with Children(tmp_path) as children:
        child = children.start("bikes-left", [sys.executable, "-c", code], os.environ)
        child.process.wait()
        with pytest.raises(DemoError) as caught:
            children.check()
    assert "bikes-left ended with status 3" in str(caught.value)
    assert "line 99" in str(caught.value) and "line 80" not in str(caught.value)


def test_one_that_can_not_be_started_is_an_error(tmp_path):
    """A missing program has a message of its own."""
    with Children(tmp_path) as children, pytest.raises(DemoError, match="can't be started"):
        children.start("nobody", [str(tmp_path / "nobody")], os.environ)
