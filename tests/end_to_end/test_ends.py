"""However a plugin ends, docs/explanation/ends.md says how that is counted, with ``waggle-live
run`` and without: each row of its table is held here."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.collector.harness import wait_until
from tests.end_to_end.workload import ROOT, WORKLOADS
from tests.end_to_end.workloads.ending import RECORDED
from tests.programs import program

RUN = ("-m", "waggle_live", "run", "--")
LAUNCHERS = {"plain": (), "run": RUN}
STATUSES = ("ok", "error", "stopped", "lost")
WAIT = "time.sleep(60)"
#: What stands in the table: the statement at the end, where it stands, and the signal sent.
WAYS = {
    "main ends": ("pass", "outside", None),
    "sys.exit(0)": ("sys.exit(0)", "outside", None),
    "sys.exit(3) within the plugin's block": ("sys.exit(3)", "within", None),
    "sys.exit(3) outside of it": ("sys.exit(3)", "outside", None),
    "an exception that nobody catches": ("1 / 0", "outside", None),
    "KeyboardInterrupt (Ctrl-C, SIGINT)": (WAIT, "within", signal.SIGINT),
    "SIGTERM": (WAIT, "within", signal.SIGTERM),
    "SIGTERM, as PID 1": (WAIT, "within", signal.SIGTERM),
    "SIGKILL": (WAIT, "within", signal.SIGKILL),
    "os._exit(3)": ("os._exit(3)", "outside", None),
}


def table():
    """Return the rows of the page: exit status, status without ``run`` and with it, by end."""
    text = (Path(ROOT) / "docs" / "explanation" / "ends.md").read_text().replace("`", "")
    rows = [line.strip("| ").split(" | ") for line in re.findall(r"^\|.*\|$", text, re.M)]
    return {end: rest for end, *rest in rows[2:]}


TABLE = table()


@contextlib.contextmanager
def started(collector, task, way, *, launcher, method="none", pid_1=False, seconds=60.0):
    """Start a plugin, wait until it and its child have recorded, and bring its end about.

    Yields what gives its exit status, and the pid that signals go to.
    """
    statement, place, signum = WAYS[way]
    before = ()
    if pid_1:
        before = (program("unshare", "util-linux"), "--pid", "--fork", "--mount-proc")
    script = str(WORKLOADS / "ending.py")
    env = dict(
        os.environ,
        WAGGLE_LIVE_METRICS=collector.address,
        WAGGLE_LIVE_TASK=task,
        PYTHONPATH=str(ROOT),
        PYTHONWARNINGS="ignore::DeprecationWarning",
        CHILD_SECONDS=str(seconds),
    )
    with subprocess.Popen(
        [*before, sys.executable, *LAUNCHERS[launcher], script, statement, place, method],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            for _ in range(1 if method == "none" else 2):
                assert process.stdout.readline() == b"ready\n"
            pid = process.pid
            if pid_1 and signum is not None:  # who gets no signal may have ended by now
                pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text())
            if signum is not None:
                os.kill(pid, signum)
            yield process, pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def plugin(collector, task):
    """Return the plugin's object of the API."""
    return next(p for p in collector.plugins() if p["plugin_task"] == task)


def check(collector, task, status, recorded):
    """Assert that one end was counted, as ``status``, with all that must be there."""
    wait_until(lambda: plugin(collector, task)["state"] == "ended", 15)
    scrape = collector.scrape()
    for name in STATUSES:
        found = scrape.value("waggle_plugin_exits_total", plugin_task=task, status=name)
        assert (name, found) == (name, float(name == status))
    assert scrape.value("waggle_plugin_up", plugin_task=task) == 0
    told = plugin(collector, task)
    assert told["exits"][status] == 1
    least = recorded - (status == "lost")  # the last sample of one that vanished may be missing
    assert least <= scrape.value("waggle_count_total", plugin_task=task) <= recorded


def test_the_table_has_all_ends():
    """The page lists each end that is tried, and no other."""
    assert list(TABLE) == list(WAYS)


@pytest.mark.parametrize("launcher", sorted(LAUNCHERS))
@pytest.mark.parametrize("way", sorted(set(WAYS) - {"SIGTERM, as PID 1"}))
def test_a_plugin_ends_as_the_table_says(collector, task, way, launcher):
    """Exit status, count and state are those of the page."""
    code, *statuses = TABLE[way]
    expected = int(re.findall(r"-?\d+", code)[0])
    if sys.version_info < (3, 8) and expected == -signal.SIGINT:
        expected = 1
    with started(collector, task, way, launcher=launcher) as (process, _):
        assert process.wait(20) == expected
    check(collector, task, statuses[launcher == "run"], RECORDED + 1)


@pytest.mark.quiet
@pytest.mark.parametrize("way", ["main ends", "SIGKILL"])
def test_a_plugin_is_down_within_a_second(collector, task, way):
    """From the end of its process, whether it has said goodbye or not."""
    with started(collector, task, way, launcher="plain") as (process, _):
        process.wait(20)
        down = time.monotonic()
        wait_until(lambda: not plugin(collector, task)["up"])
        assert time.monotonic() - down < 1.0 + 1.0  # the promise, and what a busy machine adds


@pytest.mark.parametrize("launcher", sorted(LAUNCHERS))
@pytest.mark.parametrize("way", sorted(set(WAYS) - {"SIGTERM"}))
def test_pid_1_ends_as_the_table_says(collector, task, way, launcher):
    """As the first process of a container: without ``run`` SIGTERM has no effect there."""
    try:
        subprocess.check_call(
            [program("unshare", "util-linux"), "--pid", "--fork", "--mount-proc", "true"],
            stderr=subprocess.DEVNULL,
        )
    except subprocess.CalledProcessError:
        pytest.skip("only root makes pid namespaces")
    code, *statuses = TABLE[way]
    status, expected = statuses[launcher == "run"], int(re.findall(r"-?\d+", code)[-1])
    if way.startswith("KeyboardInterrupt") and sys.version_info < (3, 8):
        expected = 1
    with started(collector, task, way, launcher=launcher, pid_1=True) as (process, pid):
        if status == "none":
            time.sleep(0.3)
            assert process.poll() is None
            assert plugin(collector, task)["up"]
            os.kill(pid, signal.SIGKILL)
            status, expected = "lost", -signal.SIGKILL
        # unshare ends as its child did, but can't kill itself by SIGKILL.
        assert process.wait(20) == (1 if expected == -signal.SIGKILL else expected)
    check(collector, task, status, RECORDED + 1)


@pytest.mark.parametrize("launcher", sorted(LAUNCHERS))
@pytest.mark.parametrize("method", ["fork", "spawn", "pool", "subprocess"])
@pytest.mark.parametrize("way", ["main ends", "SIGTERM", "SIGKILL"])
def test_children_are_no_ends_of_the_plugin(collector, task, way, method, launcher):
    """A parent's end is counted once, its children's are not, and all of them is added up."""
    code, *statuses = TABLE[way]
    with started(
        collector,
        task,
        way,
        launcher=launcher,
        method=method,
        seconds=60 if way != "main ends" else 1,
    ) as (process, _):
        assert process.wait(20) == int(code)
        if way != "main ends":  # its children live on, as without us
            assert plugin(collector, task)["up"]
    check(collector, task, statuses[launcher == "run"], 2 * RECORDED + 1)
