"""How plugins end: states, statuses, and what is kept of them."""

import json
import os
import subprocess
import sys

from waggle_live_collector.identity.peer import Handle, Peer

from ..world import Time, World, counter


class Living:
    """A handle on a process that ends when the test says so."""

    def __init__(self):
        self.ended = False

    def has_ended(self):
        """Tell what the test said."""
        return self.ended

    def close(self):
        """Nothing is held."""


def found(world):
    """Return (state, status) of each plugin in the JSON, by task."""
    answer = json.loads(world.json())
    told = {
        plugin["plugin_task"]: (plugin["state"], plugin["status"]) for plugin in answer["plugins"]
    }
    return {**told, **{gone["plugin_task"]: (gone["state"], None) for gone in answer["gone"]}}


def exits(world, task="plugin"):
    """Return the counts that are not 0, by status."""
    shown = world.scrape().all("waggle_plugin_exits_total")
    return {
        labels["status"]: value
        for labels, value in shown
        if value and labels["plugin_task"] == task
    }


def test_a_process_that_vanishes_is_lost_as_soon_as_the_kernel_says_so():
    """Not before: its connection alone may have been cut."""
    world, living = World(hold_time=60), Living()
    peer = world.peer(credentials=Peer(7, handle=living))
    peer.update(1, counter("a", 1))
    peer.close()
    world.pass_(30)
    assert found(world) == {"plugin": ("silent", None)}
    assert exits(world) == {}
    living.ended = True
    world.pass_(1)
    assert found(world) == {"plugin": ("ended", "lost")}
    assert exits(world) == {"lost": 1}


def test_a_process_that_lives_without_a_connection_is_waited_for():
    """However long: it is connected again one day, and counted once."""
    world, living = World(hold_time=60), Living()
    peer = world.peer(credentials=Peer(7, handle=living))
    peer.update(1, counter("a", 4))
    peer.close()
    world.pass_(600)
    again = world.peer(credentials=Peer(7, handle=Living()))
    again.update(2, counter("a", 5))
    assert world.value("waggle_count_total", name="a") == 5
    assert exits(world) == {}


def test_where_the_kernel_knows_no_process_the_holding_time_decides():
    """As from another pid namespace."""
    world = World(hold_time=60)
    world.peer().close()
    world.pass_(59)
    assert found(world) == {"plugin": ("silent", None)}
    world.pass_(2)
    assert exits(world) == {"lost": 1}


def test_who_says_nothing_for_four_seconds_is_silent():
    """By the collector's clock; any message ends it, and one process that is heard is enough."""
    world = World()
    one, two = world.peer("session-1"), world.peer("session-2")
    world.time.pass_(3)
    two.flush()
    world.time.pass_(3)
    assert found(world) == {"plugin": ("up", None)}
    assert world.value("waggle_plugin_silent_seconds") == 0
    world.time.pass_(2)
    assert found(world) == {"plugin": ("silent", None)}
    assert world.value("waggle_plugin_silent_seconds") == 5
    assert world.value("waggle_plugin_up") == 1
    one.update(1)
    assert found(world) == {"plugin": ("up", None)}


def test_a_pools_workers_are_no_ends_of_the_plugin():
    """Their parent reports; whether it ends before or after them."""
    world = World()
    parent = world.peer("session-p", pid=100, parent=1)
    workers = [world.peer("session-%d" % n, pid=101 + n, parent=100) for n in range(4)]
    workers[0].bye()
    workers[1].close()
    parent.bye()
    workers[2].bye("error")
    workers[3].close()
    world.pass_(400)
    assert exits(world) == {"ok": 1}


def test_children_of_a_parent_that_does_not_report_count_each():
    """A parent that only waits for them, as in plugin-image-sampler."""
    world = World()
    for number in range(3):
        world.peer("session-%d" % number, pid=101 + number, parent=100).bye()
    assert exits(world) == {"ok": 3}


def test_a_parent_that_reports_late_is_a_parent():
    """A child that was there before its parent's first sample is no end of the plugin."""
    world = World()
    child = world.peer("session-c", pid=101, parent=100)
    world.peer("session-p", pid=100, parent=1)
    child.bye()
    assert exits(world) == {}


def test_a_number_of_another_pod_is_no_parent():
    """Each pod has a process 1."""
    world = World()
    world.peer("session-a", pid=1, parent=0, app_id="pod-a")
    world.peer("session-b", pid=7, parent=1, app_id="pod-b").bye()
    assert exits(world) == {"ok": 1}


def test_exits_outlive_the_plugin_for_a_day_and_go_on():
    """A rare end must be countable; what returns counts from where it was."""
    world = World(hold_time=60)
    world.peer("session-1").bye("error")
    world.pass_(100)
    assert found(world) == {"plugin": ("gone", None)}
    assert exits(world) == {"error": 1}
    world.peer("session-2").bye()
    assert found(world) == {"plugin": ("ended", "ok")}
    assert exits(world) == {"error": 1, "ok": 1}
    world.pass_(24 * 3600 - 100, step=600)
    assert exits(world) == {"error": 1, "ok": 1}
    world.pass_(300)
    assert found(world) == {}
    assert world.scrape().all("waggle_plugin_exits_total") == []


def test_the_oldest_of_those_that_are_gone_make_room():
    """A year of daily jobs leaves no year of series; the newest half is always there."""
    world = World(hold_time=1, memory=60_000, reserve=0)
    for number in range(200):
        world.peer("session-%d" % number, task="job-%d" % number).bye()
        world.pass_(2)
        assert world.budget.root.total <= 60_000
    left = sorted(int(job[4:]) for job in found(world))
    assert left == list(range(200 - len(left), 200))
    assert len(left) > 10


def test_a_restart_keeps_ends_and_whose_child_is_whose(tmp_path):
    """From the state file: the counts, the last status, what is gone, and parents."""
    time = Time()
    before = World(hold_time=60, time=time)
    before.peer("session-g", task="gone").bye("error")
    before.pass_(100)
    parent = before.peer("session-p", pid=100)
    before.peer("session-c", pid=101, parent=100).update(1, counter("a", 1))
    before.peer("session-e", task="ended").bye("stopped")
    parent.bye("stopped")
    before.state_file(tmp_path / "state").save()
    world = World(hold_time=60, time=time)
    assert world.state_file(tmp_path / "state").load()
    assert found(world)["ended"] == ("ended", "stopped")
    assert found(world)["gone"] == ("gone", None)
    world.pass_(100)  # the child does not come back
    assert exits(world) == {"stopped": 1}
    assert exits(world, "gone") == {"error": 1}


def test_a_handle_tells_the_end_of_a_real_process():
    """As a zombie too, before anybody has waited for it."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    handle = Handle(os.pidfd_open(child.pid))
    assert not handle.has_ended()
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert handle.has_ended()
    child.communicate()
    assert handle.has_ended()
    handle.close()
    handle.close()
