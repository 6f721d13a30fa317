"""Real collectors and a state file that is another's, none, slow to read or can't be written."""

import fcntl
import json
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from tests.programs import free_port

from .harness import Client, CollectorProcess, start, wait_until
from .patience import AWAITS, SAVES
from .world import counter

#: Runs as nobody.
AS_NOBODY = """
import encodings.idna, os
from waggle_live_collector.__main__ import main
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
main()
"""
FAILURES = "waggle_collector_state_write_failures_total"


def refused(state, **how):
    """Return why a collector doesn't start with a state file; it leaves nothing behind."""
    with CollectorProcess(state_file=str(state), **how) as collector:
        with pytest.raises(AssertionError, match="did not start"):
            collector.start()
        assert collector.process.wait(30) == 1
        assert not os.path.exists(collector.socket_path)
        assert "Traceback" not in collector.log()
        return collector.log()


@pytest.mark.parametrize("way", ["path", "symlink", "hard link"])
def test_a_second_collector_with_the_same_state_refuses_to_start(tmp_path, way):
    """It says whose the file is; the first goes on, and so does its state after a kill."""
    with start(program=AWAITS) as first, Client(first) as client:
        client.hello()
        client.update(1, [counter("a", 1)])
        client.flush()
        assert first.value("waggle_count_total", name="a") == 1
        state = Path(first.directory, "state")
        other = state if way == "path" else tmp_path / "state"
        if way == "symlink":
            other.symlink_to(state)
        elif way == "hard link":
            os.link(state, other)
        why = refused(other)
        assert f"in use by another collector (process {first.process.pid})" in why
        client.update(2, [counter("a", 2)])
        client.flush()
        assert first.value("waggle_count_total", name="a") == 2
        first.kill()
        first.start(wait_ready=False)
        with Client(first) as again:
            assert again.hello()["resumed"] is True
            again.flush()
        first.wait_ready()
        assert first.value("waggle_count_total", name="a") == 2


def test_a_restart_waits_for_the_one_that_is_ending():
    """Its last state is there, though both were there for a while."""
    with start() as first, Client(first) as client:
        client.hello()
        client.update(1, [counter("a", 1)])
        client.flush()
        first.signal(signal.SIGSTOP)
        with CollectorProcess(state_file=first.directory + "/state") as second:
            second.start_soon()
            time.sleep(0.5)
            first.signal(signal.SIGTERM)
            first.signal(signal.SIGCONT)
            second.wait_started()
            assert first.process.wait(30) == 0
            second.wait_ready()
            assert second.value("waggle_count_total", name="a") == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", ""),
        (b"{}", "not a whole state file"),
        (b'{"format":2,"boot":"","monotonic":0.0,"ended":[],"plugins":[', "not a whole state file"),
        (b"SQLite format 3\0", "not a whole state file"),
        (b'{"format":9}', "of a newer collector"),
        (None, "no regular file"),
    ],
)
def test_a_file_that_is_none_is_refused_and_stays(tmp_path, content, why):
    """Exit status 1 and what to do; one that is empty is a first start."""
    state = tmp_path / "state"
    if content is None:
        os.mkfifo(state)
    else:
        state.write_bytes(content)
    if not why:
        with start(state_file=str(state)):
            return
    assert why in refused(state)
    assert os.listdir(tmp_path) == ["state"]
    if content is not None:
        assert state.read_bytes() == content


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run a collector as somebody else")
def test_a_file_that_may_not_be_read_is_refused_and_stays(tmp_path):
    """As another uid; the directory would let it be replaced."""
    directory = Path(os.path.realpath(os.path.join("/tmp", "wl-%d" % os.getpid())))
    directory.mkdir()
    try:
        os.chmod(directory, 0o777)
        state = directory / "state"
        state.write_bytes(b"mine")
        state.chmod(0o600)
        with CollectorProcess(state_file=str(state), program=AS_NOBODY) as collector:
            collector.socket_path = str(directory / "socket")
            with pytest.raises(AssertionError, match="did not start"):
                collector.start()
            assert collector.process.wait(30) == 1
            assert "Permission denied; uid 65534 gid 65534 must be able to read it" in (
                collector.log()
            )
        assert state.read_bytes() == b"mine"
        assert os.listdir(directory) == ["state"]
    finally:
        subprocess.run(["rm", "-r", str(directory)], check=True)


def test_a_bad_row_costs_that_row(tmp_path):
    """It is logged and counted; its neighbour goes on."""
    with start(program=SAVES) as collector:
        for plugin in ("bad", "good"):
            with Client(collector) as client:
                client.hello("session-" + plugin, plugin=plugin)
                client.update(1, [counter("a", 3)])
                client.flush()
        collector.scrape()
        collector.kill()
        path = Path(collector.directory, "state")
        state = json.loads(path.read_bytes())
        state["plugins"][0][2][0][0] = "histogram"
        path.write_text(json.dumps(state))
        collector.start()
        assert collector.value("waggle_count_total", name="a") == 3
        assert collector.value("waggle_count_total", plugin="good") == 3
        assert collector.value("waggle_collector_state_left_out_total") == 2
        wait_until(lambda: "left out series 1" in collector.log())


def test_a_file_that_is_slow_to_read_holds_up_nothing_else():
    """HTTP answers meanwhile, and SIGTERM ends it; the file stays."""
    url = "http://127.0.0.1:%d" % free_port()
    with CollectorProcess(flags=["--web.listen-address=" + url[7:]]) as collector:
        state = Path(collector.directory, "state")
        before = state.read_bytes()
        descriptor = os.open(state, os.O_RDWR)
        try:
            # Whoever opens the file waits in the kernel for the end of the lease.
            fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            collector.start_soon()
            wait_until(lambda: "has not been read for 2 s" in collector.log())
            with urllib.request.urlopen(url + "/-/healthy", timeout=10) as answer:
                assert answer.status == 200
            for path in ("/-/ready", "/metrics", "/api/v1/plugins"):
                with pytest.raises(urllib.error.HTTPError, match="503"):
                    urllib.request.urlopen(url + path, timeout=10)
            collector.signal(signal.SIGTERM)
            assert collector.process.wait(30) == 0
        finally:
            os.close(descriptor)
        assert state.read_bytes() == before
        assert not os.path.exists(collector.socket_path)


def test_a_bye_that_cannot_be_saved_is_told_so(tmp_path):
    """The log says it; when the directory is there again the next is saved."""
    directory = tmp_path / "directory"
    directory.mkdir()
    with start(state_file=str(directory / "state")) as collector, Client(collector) as client:
        client.hello()
        client.update(1, [counter("a", 1)])
        assert client.flush()[-1]["type"] == "applied"
        collector.scrape()
        directory.rename(tmp_path / "away")
        error, end = client.bye()
        assert (error["code"], end) == ("not_saved", None)
        assert collector.value(FAILURES) >= 1
        wait_until(lambda: f"the directory {directory} is missing" in collector.log())
        assert collector.value("waggle_count_total", name="a") == 1
        (tmp_path / "away").rename(directory)
        with Client(collector) as again:
            again.hello()
            assert again.bye() == [{"type": "applied", "number": 0}]
        wait_until(lambda: "is written again" in collector.log())
        collector.kill()
        collector.start()
        assert collector.value("waggle_plugin_exits_total", status="ok") == 1


@pytest.mark.parametrize("there", ["state", "note"])
def test_a_file_that_comes_after_the_start_stays_as_it_is(tmp_path, there):
    """As of a volume that is mounted late, or another program's; the next start goes on from it."""
    path, late = tmp_path / "volume" / "state", tmp_path / "late"
    late.mkdir()
    with start(state_file=str(late / "state")) as collector, Client(collector) as client:
        client.hello()
        client.update(1, [counter("a", 1000)])
        client.bye()
    if there == "note":
        (late / "state").write_text("a note")
    content = (late / "state").read_bytes()
    with start(state_file=str(path)) as collector, Client(collector) as client:
        client.hello("session-2")
        client.update(1, [counter("a", 1)])
        late.rename(path.parent)
        assert client.bye()[0]["code"] == "not_saved"
        wait_until(lambda: "another file is there now" in collector.log())
        collector.terminate()
        assert path.read_bytes() == content
        if there == "state":
            collector.start()
            assert collector.value("waggle_count_total", name="a") == 1000
