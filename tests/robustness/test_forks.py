"""Forks in the middle of recording and sending, from two threads at once."""

import pytest

from .processes import run, scrape_ended

#: How, and how many children each of two threads makes one after the other.
WAYS = {"os-fork": 25, "exec": 3, "subprocess": 3, "fork": 25, "spawn": 3, "forkserver": 3}


@pytest.mark.parametrize("way", WAYS)
def test_parent_and_children_report_all_and_share_no_socket(collector, task, way):
    """os.fork, execv, subprocess and each kind of multiprocessing: exact, and no deadlock."""
    out = run("forking", way, WAYS[way], address=collector.address, task=task)
    counts = [int(line) for line in out.split()]
    children = 2 * WAYS[way]
    assert len(counts) == 1 + children * (2 if way == "exec" else 1)
    scrape = scrape_ended(collector, plugin_task=task)
    assert scrape.value("waggle_count_total", plugin_task=task) == sum(counts)
    blocks = sum(count for count in counts if count > 1)
    assert scrape.sum("waggle_timer_seconds_count", plugin_task=task) == blocks
