"""Programs of every shape: exact counts, one end, CPU time as the kernel has it."""

import json
import re
import resource
import time
from pathlib import Path

import pytest

from tests.end_to_end.workload import start
from tests.robustness.processes import scrape_ended

PAGE = resource.getpagesize()
#: How many ends each shape is: those of children don't count where the parent reports.
ENDS = {
    "threads": 1,
    "nested": 1,
    "one-each": 1,
    "four": 1,
    "never": 1,
    "one-shot": 1,
    "fork": 1,
    "mp-fork": 1,
    "mp-spawn": 1,
    "mp-forkserver": 1,
    "pool": 1,
    "executor": 1,
    "waiting-fork": 3,
    "waiting-spawn": 3,
    "waiting-forkserver": 3,
}


def ends(scrape, task):
    """Return how often what ended how, without what never was."""
    found = scrape.all("waggle_plugin_exits_total", plugin_task=task)
    return {labels["status"]: value for labels, value in found if value}


def watch(process, collector, task):
    """Look on until the program ends; return the values of ``up``, and memory shown over held."""
    ups, ratios = [], []
    while process.poll() is None:
        scrape = collector.scrape()
        up = scrape.value("waggle_plugin_up", None, plugin_task=task)
        memory = scrape.value("waggle_plugin_memory_bytes", None, plugin_task=task)
        if up is not None:
            ups.append(int(up))
        if memory is not None:
            held = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * PAGE
            if held:  # not in a process that has just ended
                ratios.append(memory / held)
        time.sleep(0.02)
    return ups, ratios


@pytest.mark.parametrize("shape", ENDS)
def test_whatever_shape_a_program_has_it_is_told_exactly(collector, task, shape, tmp_path):
    """Counts, sums, messages, ends; one plugin, up until its end; CPU seconds within 5 % of the
    kernel's, memory told once."""
    process = start(
        "shapes", shape, address=collector.address, task=task, pywaggle_log_dir=str(tmp_path)
    )
    ups, ratios = watch(process, collector, task)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    told = {line["pid"]: line for line in map(json.loads, out.splitlines())}
    done = sum(line["done"] for line in told.values())
    scrape = scrape_ended(collector, plugin_task=task)
    assert len(scrape.all("waggle_plugin_info", plugin_task=task)) == 1
    assert scrape.value("waggle_count_total", name="done", plugin_task=task) == done
    for name in ("kept", "decorated"):
        assert scrape.value("waggle_timer_seconds_count", name=name, plugin_task=task) == done
    if shape == "threads":
        assert scrape.value("waggle_count_total", name="own", plugin_task=task) == done
    messages = scrape.sum("waggle_plugin_messages_total", plugin_task=task)
    assert messages == sum(line["messages"] for line in told.values())
    assert ends(scrape, task) == {"ok": ENDS[shape]}
    if ENDS[shape] == 1:  # else it is its children that come and go
        assert re.fullmatch("1*0*", "".join(map(str, ups))), ups
    if len(told) == 1 and ratios:
        assert max(ratios) < 1.5
    used = sum(line["cpu"] for line in told.values())
    shown = scrape.value("waggle_plugin_cpu_seconds_total", plugin_task=task)
    assert shown == pytest.approx(used, rel=0.05)
