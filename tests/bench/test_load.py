"""The usual load of a node: CPU and wake-ups of programs that are known, and a short real run."""

import subprocess
import sys
import time

import pytest

from bench import load, processes

#: Wakes up 100 times a second, and half of the time is busy.
BUSY = """
import time
while True:
    time.sleep(0.005)
    end = time.perf_counter() + 0.005
    while time.perf_counter() < end:
        pass
"""


@pytest.mark.alone
def test_cpu_and_wakeups_are_those_of_one_program():
    """Of a group the mean counts: one of two busy programs, beside one that sleeps."""
    codes = {"busy": [BUSY, BUSY], "asleep": ["import time; time.sleep(60)"]}
    groups = {
        name: [
            processes.Program(subprocess.Popen([sys.executable, "-c", code]), "") for code in group
        ]
        for name, group in codes.items()
    }
    time.sleep(0.5)
    try:
        found = load.costs(groups, 1.0)
    finally:
        for program in (*groups["busy"], *groups["asleep"]):
            program.process.kill()
            program.process.wait()
    assert 5 < found["busy_percent"] < 90
    assert 10 < found["busy_wakeups"] < 200
    assert found["asleep_percent"] < 5
    assert found["asleep_wakeups"] < 10


@pytest.mark.quiet
def test_a_short_run():
    """Real plugins beside their plain loops give all figures, busy and idle."""
    busy, idle = load.run(short=True)
    assert (busy["subject"], idle["subject"]) == ("2 plugins, busy", "2 plugins, idle")
    for row in (busy, idle):
        assert 0 < row["collector_percent"] < 100
        assert row["collector_wakeups"] > 0
    assert 5 < busy["plain_wakeups"] < 60


def test_a_plugin_that_does_not_start_is_told():
    """A plugin that ends before it is ready is no plugin that costs nothing."""
    with processes.ours() as collector:
        with pytest.raises(processes.Missing, match=r"bench\.plugins\.frames"):
            with processes.plugins(collector, "frames", [["no number"]]):
                pass
