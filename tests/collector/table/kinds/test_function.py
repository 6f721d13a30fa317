"""What TAU measured, merged: over runs, restarts and the state file."""

import json

from waggle_live_collector.limits import Limits

from ...state.test_state_file import reborn, state_of
from ...world import World, counter, function

CALLS = "waggle_tau_function_calls_total"
EXCLUSIVE = "waggle_tau_function_exclusive_seconds_total"
INCLUSIVE = "waggle_tau_function_inclusive_seconds_total"
LAST_DUMP = "waggle_tau_last_dump_timestamp_seconds"


def tau(**fields):
    """Return the cell of a run."""
    return {"kind": "tau", **fields}


def test_runs_add_up():
    """A run after another one is a process of its own: counters go on rising."""
    world = World()
    first = world.peer("run-00001")
    first.update(1, function("f", 3, 10**9, 2 * 10**9))
    first.bye()
    world.peer("run-00002").update(1, function("f", 1, 5 * 10**8, 5 * 10**8))
    assert world.value(CALLS, function="f") == 4
    assert world.value(EXCLUSIVE, function="f") == 1.5
    assert world.value(INCLUSIVE, function="f") == 2.5


def test_a_value_that_falls_is_refused_and_changes_nothing():
    """Each of the cell's numbers; its neighbour is counted."""
    world = World()
    peer = world.peer()
    full = {"exclusive_cpu": 5, "inclusive_cpu": 6}
    peer.update(1, function("f", 3, 10**9, 2 * 10**9, **full), tau(dropped=4, torn=2))
    before = world.text()
    number = 1
    for field in ("calls", "exclusive", "inclusive", "exclusive_cpu", "inclusive_cpu"):
        number += 1
        fallen = {**function("f", 9, 10**10, 10**10, exclusive_cpu=10, inclusive_cpu=10), field: 1}
        (error,) = peer.update(number, fallen)
        assert (error["code"], error["refused"]) == ("bad_cell", "function f")
    for field in ("dropped", "torn"):
        number += 1
        (error,) = peer.update(number, {**tau(dropped=9, torn=9), field: 1}, counter("c", number))
        assert error["code"] == "bad_cell"
    after = [line for line in world.text().splitlines() if "waggle_tau_" in line]
    assert after == [line for line in before.splitlines() if "waggle_tau_" in line]
    assert world.value("waggle_count_total", name="c") == number


def test_what_is_not_measured_has_no_line():
    """A time that was never given is absent, not 0; one that is left out later stays."""
    world = World()
    peer = world.peer()
    peer.update(1, {"kind": "function", "name": "f", "calls": 1})
    assert world.value(CALLS, function="f") == 1
    assert world.value(EXCLUSIVE, function="f") is None
    peer.update(2, function("f", 2, 10**9))
    peer.update(3, {"kind": "function", "name": "f", "calls": 3})
    assert world.value(CALLS, function="f") == 3
    assert world.value(EXCLUSIVE, function="f") == 1.0


def test_the_last_dump_is_the_newest_of_any_run():
    """By the collector's clock, minus the age on arrival; a late old run doesn't set it back."""
    world = World()
    world.peer("run-00001").update(1, tau(age=2.0))
    assert world.value(LAST_DUMP) == world.time.now() - 2.0
    world.peer("run-00002").update(1, tau(age=30.0))
    assert world.value(LAST_DUMP) == world.time.now() - 2.0


def test_functions_are_bounded_like_any_series():
    """What is above the limit of a process is refused; ``__other__`` and the run come on top."""
    world = World(limits=Limits(series_per_process=2))
    cells = [function(f"f{number}", 1, 1) for number in range(3)]
    errors = world.peer().update(1, *cells, function("__other__", 1, 1), tau(dropped=1))
    assert [(error["code"], error["refused"]) for error in errors] == [
        ("series_limit", "function f2")
    ]
    assert world.value(CALLS, function="__other__") == 1
    assert world.value("waggle_tau_functions_dropped_total") == 1


def test_a_run_goes_on_over_a_restart_of_the_collector(tmp_path):
    """With the state file nothing is counted twice and nothing falls."""
    world = World()
    peer = world.peer("run-00001", plugin="p")
    peer.update(1, function("f", 3, 10**9, 10**9), tau(age=1.0, dropped=2, torn=1))
    state_of(world, tmp_path / "state").save()
    again = reborn(world, tmp_path / "state")
    assert again.value(LAST_DUMP, plugin="p") == world.value(LAST_DUMP, plugin="p")
    peer = again.peer(None)
    assert peer.hello("run-00001", plugin="p")[0]["resumed"] is True
    peer.update(2, function("f", 4, 2 * 10**9, 10**9), tau(age=0.0, dropped=2, torn=3))
    assert again.value(CALLS, function="f") == 4
    assert again.value(EXCLUSIVE, function="f") == 2.0
    assert again.value(INCLUSIVE, function="f") == 1.0
    assert again.value("waggle_tau_functions_dropped_total") == 2
    assert again.value("waggle_tau_torn_reads_total") == 3


def test_the_api_lists_functions_by_exclusive_time():
    """The most expensive first, ``__other__`` last, whatever it comes to."""
    world = World()
    cells = [function("cheap", 9, 1), function("__other__", 99, 10**12, None)]
    cells += [function("dear", 1, 3 * 10**9, 4 * 10**9), tau(age=0.5, dropped=7, torn=2)]
    world.peer().update(1, *cells)
    (plugin,) = json.loads(world.json())["plugins"]
    assert [entry["name"] for entry in plugin["functions"]] == ["dear", "cheap", "__other__"]
    assert plugin["functions"][0] == {
        "name": "dear",
        "calls": 1,
        "exclusive": 3.0,
        "inclusive": 4.0,
        "exclusive_cpu": None,
        "inclusive_cpu": None,
    }
    assert plugin["tau"] == {"last_dump": world.time.now() - 0.5, "dropped": 7, "torn": 2}
    world.peer("session-2", plugin="without").update(1, counter("c", 1))
    without = json.loads(world.json())["plugins"][1]
    assert (without["functions"], without["tau"]) == ([], None)
