"""The file of stacks that ``waggle-live run --profile.output`` has written."""

import os
import re
import signal
import time

import pytest

from ...helpers import until
from ...listener import all_is_read
from .plugins import functions, run_plugin, said


@pytest.mark.parametrize("stop", [None, signal.SIGTERM])
def test_stacks_are_written_at_the_end(listener, tmp_path, stop):
    """Under ``run --profile.output``: a stack and microseconds a line, at SIGTERM too."""
    output = tmp_path / "stacks.txt"
    text = """
live = LiveMetrics(plugin_name="p").open()
work(0.5)
print("done", flush=True)
time.sleep(%d)
""" % (0 if stop is None else 60)
    address = "unix://" + listener.path
    options = ["--address", address, "--profile=200", "--profile.output=%s" % output]
    begin = time.monotonic()
    with run_plugin(tmp_path, text, *options) as process:
        assert process.stdout.readline() == "done\n"
        if stop is not None:
            process.send_signal(stop)
        err = process.communicate(timeout=30)[1]
    took = time.monotonic() - begin
    until(all_is_read)
    assert (process.returncode, said(err)) == (-stop if stop else 0, "")
    lines = output.read_text().splitlines()
    micros = lines[-1].rsplit(" ", 1)[1]
    assert any(re.match(r"<module> .main.py:\d.;work .main.py:\d+. \d+$", line) for line in lines)
    assert 0 < int(micros) < took * 1e6  # without clocks of threads it is wall time
    assert os.listdir(str(tmp_path)).count("stacks.txt") == 1
    assert not [name for name in os.listdir(str(tmp_path)) if name.endswith(".tmp")]
    assert functions(listener)["work"]["inclusive"] > 0.1


def test_an_output_that_cant_be_written_is_said(listener, tmp_path):
    """It costs nothing else: the plugin's status is its own, and its metrics arrive."""
    text = 'live = LiveMetrics(plugin_name="p").open(); work(0.3)'
    options = ["--address", "unix://" + listener.path, "--profile.output=/nowhere/stacks"]
    with run_plugin(tmp_path, text, *options) as process:
        err = process.communicate(timeout=30)[1]
    until(all_is_read)
    assert process.returncode == 0
    assert "waggle-live: stacks can't be written to /nowhere/stacks" in err
    assert "live metrics: stacks can't be written" in err
    assert functions(listener)


def test_children_write_files_of_their_own(listener, tmp_path):
    """The pid is added to the name, so none takes another's place."""
    text = """
live = LiveMetrics(plugin_name="p").open()
work(0.2)
pid = os.fork()
if pid == 0:
    work(0.2)
    live.close("ok", 5)
    os._exit(0)
os.waitpid(pid, 0)
print(pid)
"""
    output = str(tmp_path / "stacks")
    options = ["--address", "unix://" + listener.path, "--profile=200", "--profile.output", output]
    with run_plugin(tmp_path, text, *options, PYTHONWARNINGS="ignore") as process:
        out, err = process.communicate(timeout=30)
    assert (process.returncode, said(err)) == (0, "")
    assert {name for name in os.listdir(str(tmp_path)) if name.startswith("stacks")} == {
        "stacks",
        "stacks.%s" % out.strip(),
    }
