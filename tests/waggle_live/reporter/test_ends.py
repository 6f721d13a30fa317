"""The status that a process says goodbye with."""

import os
import sys
import time
from types import ModuleType

import pytest

from waggle_live.reporter.ends import DEFAULT_BLOCK_TIMEOUT, Left, Patience, find_parent, status_of

from ..helpers import environment, run_python


@pytest.mark.parametrize(
    "error, status",
    [
        (None, "ok"),
        (SystemExit(), "ok"),
        (SystemExit(0), "ok"),
        (SystemExit("a text"), "error"),
        (SystemExit(1), "error"),
        (RuntimeError(), "error"),
        (KeyboardInterrupt(), "stopped"),
    ],
)
def test_what_an_exception_stands_for(error, status):
    """An exit without a status is none, as is None."""
    assert status_of(error) == status


def test_what_came_after_the_block_takes_its_error_back():
    """Whoever records on has caught it."""
    left = Left()
    assert left.status(recorded=0.0) == "ok"
    left.note(ValueError(), at=10.0)
    assert left.status(recorded=9.0) == "error"
    assert left.status(recorded=11.0) == "ok"
    left.note(None, at=12.0)
    assert left.status(recorded=9.0) == "ok"


def test_a_block_that_stood_still_leaves_the_end_its_time():
    """However long its wait in vain took, no more of it counts than a block may wait."""
    patience = Patience()
    patience.wait(lambda timeout: time.sleep(DEFAULT_BLOCK_TIMEOUT + 0.1))
    assert patience.left(0.5) >= 0.5 - DEFAULT_BLOCK_TIMEOUT


@pytest.mark.parametrize(
    "before, status", [("", "error"), ("sys.ps1 = '>>> '", "ok")], ids=["script", "notebook"]
)
def test_an_error_in_a_notebook_is_no_end(listener, before, status):
    """There an exception that nobody caught ended a cell, and the last one is kept as well."""
    program = (
        "import sys\n%s\nfrom waggle_live import LiveMetrics\n"
        "LiveMetrics(plugin_name='x').counter('c').inc()\n"
        "sys.last_value = ValueError('of a cell long ago')\n" % before
    )
    assert run_python("-c", program, env=environment("unix://" + listener.path)) == (0, "", "")
    assert [message["status"] for message in listener.messages("bye")] == [status]


def test_pytest_that_collects_a_plugin_shows_none(listener, tmp_path):
    """Its module is imported, its functions are decorated, and nothing begins."""
    (tmp_path / "test_plugin.py").write_text(
        "from waggle_live import LiveMetrics\n"
        "live = LiveMetrics(plugin_name='x')\n"
        "@live.timer('work')\n"
        "def work(): pass\n"
        "def test_work(): pass\n"
    )
    options = ("-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", str(tmp_path))
    status, out, _ = run_python(*options, env=environment("unix://" + listener.path))
    assert (status, "test_work" in out) == (0, True)
    assert listener.messages() == []


def test_a_forkserver_that_is_being_imported_is_none(monkeypatch):
    """Another thread meets a module that is empty as yet: the parent is the kernel's."""
    name = "multiprocessing.forkserver"
    monkeypatch.setitem(sys.modules, name, ModuleType(name))
    assert find_parent() == os.getppid()
