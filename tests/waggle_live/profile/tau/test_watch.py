"""``waggle-live tau-watch``, against a listener that keeps what it hears."""

import os
import signal
import subprocess
import sys
import time

import pytest

from ...listener import all_is_read
from .recorded import PROFILES, SERIES, SERIES_END, profile, read, row
from .test_commands import environ, functions, wait_for

pytestmark = pytest.mark.oldest_and_newest


@pytest.fixture
def watch(listener, tmp_path):
    """Start ``tau-watch`` on a directory and end it; returns the directory."""
    directory = tmp_path / "profiles"
    directory.mkdir()
    children = []

    def start(*options, **more):
        command = [sys.executable, "-m", "waggle_live", "tau-watch", *options, str(directory)]
        env = environ(listener, **more)
        children.append(subprocess.Popen(command, env=env, stderr=subprocess.PIPE))
        return directory

    def end(number=signal.SIGTERM):
        child = children.pop()
        child.send_signal(number)
        err = child.communicate(timeout=30)[1]
        wait_for(all_is_read)
        return child.returncode, err.decode()

    start.end = end
    yield start
    for child in children:
        child.kill()
        child.communicate()


def put(path, data, age=0):
    """Write a file so that nobody sees a part of it, ``age`` seconds ago."""
    part = path.with_name(".part")
    part.write_bytes(data)
    written = time.time() - age
    os.utime(str(part), (written, written))
    os.replace(str(part), str(path))


def dumps(directory, listener):
    """Write the dumps of a run one after the other; yield once each has been forwarded."""
    for step, name in enumerate(SERIES):
        (directory / "dump.-1.0.0").write_bytes(read(name))
        calls = 5 * (step + 1)
        wait_for(lambda n=calls: functions(listener).get("inference", {}).get("calls") == n)
        yield


def test_what_a_program_dumps_is_forwarded(listener, watch):
    """Each dump as it comes, the last with the end of the command."""
    directory = watch("--plugin=p")
    for _ in dumps(directory, listener):
        pass
    put(directory / "profile.-1.0.0", read(SERIES_END))
    assert watch.end() == (0, "")
    assert functions(listener)["__idle__"]["exclusive"] == 36234000
    assert [bye["status"] for bye in listener.messages("bye")] == ["ok"]
    assert len(listener.messages("hello")) == 1


def test_torn_files_and_the_last_dump_are_told(listener, watch):
    """How often a file was not whole; the age of the newest that was."""
    directory = watch()
    put(directory / "dump.-1.0.0", read(SERIES[0]), age=3600)
    wait_for(lambda: None in functions(listener))
    assert 3590 < functions(listener)[None]["age"] < 3700
    put(directory / "dump.-1.0.0", read(SERIES[1])[:-9])
    wait_for(lambda: functions(listener)[None]["torn"] == 1)
    assert functions(listener)["inference"]["calls"] == 5
    assert watch.end(signal.SIGINT) == (0, "")


def test_each_run_is_a_session(listener, watch):
    """The next run ends that of before, and starts anew; its script names the plugin."""
    directory = watch()
    (directory / "profile.0.0.0").write_bytes(profile(row("f", 9, 9), pid=1))
    wait_for(lambda: "f" in functions(listener))
    (directory / "profile.0.0.0").write_bytes(profile(row("f", 2, 2), pid=2))
    wait_for(lambda: functions(listener)["f"]["calls"] == 2)
    assert watch.end()[0] == 0
    hellos = listener.messages("hello")
    assert len({hello["session"] for hello in hellos}) == len(hellos) == 2
    assert {hello["plugin"] for hello in hellos} == {"pyt"}
    assert [bye["status"] for bye in listener.messages("bye")] == ["ok", "ok"]


def test_a_run_whose_files_come_back_is_not_counted_twice(listener, watch):
    """It is said once."""
    directory = watch()
    data = profile(row("f", 9, 9))
    (directory / "profile.0.0.0").write_bytes(data)
    wait_for(lambda: "f" in functions(listener))
    os.remove(str(directory / "profile.0.0.0"))
    wait_for(lambda: listener.messages("bye"))
    (directory / "profile.0.0.0").write_bytes(data)
    time.sleep(0.8)
    status, err = watch.end()
    assert status == 0
    assert err.count("counted already") == 1
    assert len(listener.messages("hello")) == 1


def test_a_dump_that_is_removed_before_the_next_goes_on(listener, watch):
    """The run is the same one: no session ends, and nothing is counted twice."""
    directory = watch("--plugin=p")
    for _ in dumps(directory, listener):
        os.remove(str(directory / "dump.-1.0.0"))
        time.sleep(0.5)  # two looks at an empty directory
    assert watch.end() == (0, "")
    assert len(listener.messages("hello")) == len(listener.messages("bye")) == 1


def test_metrics_of_its_own_and_others(listener, watch):
    """CPU time beside the time; what is no time is named once and left alone; few functions."""
    directory = watch("--tau.functions=2", "--tau.include=^(sleep|loop|infer)")
    for part in (PROFILES / "03-multi-metric").iterdir():
        (directory / part.name).mkdir()
        data = (part / "profile.0.0.0").read_bytes()
        (directory / part.name / "profile.0.0.0").write_bytes(data)
    wait_for(lambda: "exclusive_cpu" in functions(listener).get("infer [app.py:4]", {}))
    status, err = watch.end()
    assert (status, err.count("LOGICAL_CLOCK")) == (0, 1)
    found = functions(listener)
    assert set(found) == {"loop [app.py:15]", "infer [app.py:4]", "__other__", "__idle__", None}
    other = {"kind", "name", "labels", "age", "calls", "exclusive", "exclusive_cpu"}
    assert set(found["infer [app.py:4]"]) == other | {"inclusive"}
    assert set(found["__other__"]) == set(found["__idle__"]) == other
    assert found["__idle__"]["labels"] == {"profiler": "tau"}


def test_a_form_that_cant_be_read_is_said_once(listener, watch):
    """And what would be right."""
    directory = watch()
    (directory / "snapshot.0.0.0").write_bytes(b"<profile_xml>")
    (directory / "snapshot.0.0.1").write_bytes(b"<profile_xml>")
    put(directory / "profile.0.0.0", profile(row("f", 9, 9)))
    wait_for(lambda: "f" in functions(listener))
    status, err = watch.end()
    assert status == 0
    assert err.count("TAU_PROFILE_FORMAT=profile") == 1
    assert functions(listener)[None]["torn"] == 0
