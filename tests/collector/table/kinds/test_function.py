"""What TAU and the sampler measured, merged: over runs, restarts and the state file."""

import json

import pytest

from waggle_live_collector.limits import Limits

from ...state.test_state_file import reborn, state_of
from ...world import World, counter, function, sampled

CALLS = "waggle_function_calls_total"
EXCLUSIVE = "waggle_function_exclusive_seconds_total"
INCLUSIVE = "waggle_function_inclusive_seconds_total"
CPU = "waggle_function_exclusive_cpu_seconds_total"
LAST_DUMP = "waggle_tau_last_dump_timestamp_seconds"


def tau(**fields):
    """Return the cell of a run."""
    return {"kind": "tau", **fields}


def shown(text):
    """Return the lines of a scrape that tell of functions and runs."""
    return [line for line in text.splitlines() if "waggle_tau_" in line or "_function_" in line]


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
    peer.update(1, function("f", 3, 10**9, 2 * 10**9, exclusive_cpu=5), tau(dropped=4, torn=2))
    before = world.text()
    number = 1
    for field in ("calls", "exclusive", "inclusive", "exclusive_cpu"):
        number += 1
        fallen = {**function("f", 9, 10**10, 10**10, exclusive_cpu=10), field: 1}
        (error,) = peer.update(number, fallen)
        assert (error["code"], error["refused"]) == ("bad_cell", "function f")
    for field in ("dropped", "torn"):
        number += 1
        (error,) = peer.update(number, {**tau(dropped=9, torn=9), field: 1}, counter("c", number))
        assert error["code"] == "bad_cell"
    assert shown(world.text()) == shown(before)
    assert world.value("waggle_count_total", name="c") == number


def test_what_is_not_measured_has_no_line():
    """A time that was never given is absent, not 0; one that is left out later stays."""
    world = World()
    peer = world.peer()
    peer.update(1, {"kind": "function", "name": "f", "calls": 1})
    assert world.value(CALLS, function="f") == 1
    assert world.value(EXCLUSIVE, function="f") is None
    peer.update(2, function("f", 2, 10**9, profiler=None))
    peer.update(3, {"kind": "function", "name": "f", "calls": 3})
    assert world.value(CALLS, function="f") == 3
    assert world.value(EXCLUSIVE, function="f") == 1.0
    peer.update(4, sampled("g", 5 * 10**8, 10**9))
    assert world.value(CALLS, function="g") is None
    assert world.value(CPU, function="g") == 0.5


def test_profilers_do_not_mix():
    """Of one plugin and one function, TAU's numbers and the sampler's are series of their own."""
    world = World()
    peer = world.peer("run-00001")
    peer.update(1, function("f", 3, 10**9, 10**9), sampled("f", 10, 20, 30))
    world.peer("run-00002").update(1, sampled("f", 1, 2, 3), function("f", 1, 10**9, 0))
    assert world.value(EXCLUSIVE, function="f", profiler="tau") == 2.0
    assert world.value(EXCLUSIVE, function="f", profiler="sampler") == 22 / 1e9
    assert world.value(INCLUSIVE, function="f", profiler="sampler") == 33 / 1e9
    assert world.value(CPU, function="f", profiler="tau") is None


def test_what_older_clients_send_is_tau_s():
    """They name no profiler. Beside a newer client it is one series, and nothing counts twice."""
    world = World()
    old, new = world.peer("run-00001"), world.peer("run-00002")
    old.update(1, function("f", 3, 10**9, profiler=None))
    new.update(1, function("f", 1, 10**9))
    old.update(2, function("f", 4, 2 * 10**9, profiler=None))
    assert world.value(CALLS, function="f", profiler="tau") == 5
    assert world.value(EXCLUSIVE, function="f", profiler="tau") == 3.0
    assert len([line for line in world.text().splitlines() if line.startswith(CALLS)]) == 1


def test_another_label_or_profiler_is_refused():
    """With what would be right, however large it is."""
    peer = World().peer()
    for number, labels in enumerate([{"a": "1"}, {"profiler": "perf" * 10**4}], 1):
        (error,) = peer.update(number, {**function("f", 1, 1), "labels": labels})
        assert error["code"] == "bad_cell"
        assert error["text"].startswith("the only label of a function is profiler, tau or sampler")
        assert len(error["text"]) < 200


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
    cells += [function("__other__", 1, 1), function("__idle__", 1, 1)]
    errors = world.peer().update(1, *cells, tau(dropped=1))
    assert [(error["code"], error["refused"]) for error in errors] == [
        ("series_limit", "function f2")
    ]
    assert world.value(CALLS, function="__other__") == world.value(CALLS, function="__idle__") == 1
    assert world.value("waggle_tau_functions_dropped_total") == 1


def by_the_release_before(path):
    """Make a state file what that release wrote: no profiler but TAU, and one time more."""
    state = json.loads(path.read_bytes())
    for rows in (state["plugins"][0][2], state["sessions"][0][14]):
        (row,) = (row for row in rows if row[0] == "function")
        row[2:] = [[], *row[3:], None]
    path.write_text(json.dumps(state))


@pytest.mark.parametrize("profiler", [None, "tau", "sampler", "of the release before"])
def test_a_run_goes_on_over_a_restart_of_the_collector(tmp_path, profiler):
    """With the state file nothing is counted twice and nothing falls."""
    before, profiler = profiler, profiler if profiler in ("tau", "sampler") else None
    world = World()
    peer = world.peer("run-00001", plugin="p")
    cell = function("f", 3, 10**9, 10**9, profiler)
    peer.update(1, cell, tau(age=1.0, dropped=2, torn=1))
    state_of(world, tmp_path / "state").save()
    if before == "of the release before":
        by_the_release_before(tmp_path / "state")
    again = reborn(world, tmp_path / "state")
    assert again.value(LAST_DUMP, plugin="p") == world.value(LAST_DUMP, plugin="p")
    peer = again.peer(None)
    assert peer.hello("run-00001", plugin="p")[0]["resumed"] is True
    cell = function("f", 4, 2 * 10**9, 10**9, profiler)
    assert peer.update(2, cell, tau(age=0.0, dropped=2, torn=3)) == []
    assert again.value(CALLS, function="f", profiler=profiler or "tau") == 4
    assert again.value(EXCLUSIVE, function="f") == 2.0
    assert again.value(INCLUSIVE, function="f") == 1.0
    assert again.value("waggle_tau_functions_dropped_total") == 2
    assert again.value("waggle_tau_torn_reads_total") == 3


def test_what_tau_has_throttled_is_told(tmp_path):
    """In any run, and again by a process that comes back after a restart."""
    world = World()
    world.peer("run-00001").update(1, function("f", 3, 1), function("g", 3, 1))
    peer = world.peer("run-00002")
    peer.update(1, function("f", 1, 1, throttled=True))
    peer.update(2, function("f", 2, 1))

    def told(world):
        (plugin,) = json.loads(world.json())["plugins"]
        return {each["name"]: each["throttled"] for each in plugin["functions"]}

    assert told(world) == {"f": True, "g": False}
    state_of(world, tmp_path / "state").save()
    again = reborn(world, tmp_path / "state")
    peer = again.peer("run-00002")
    assert peer.update(3, function("f", 3, 1, throttled=True)) == []
    assert told(again) == {"f": True, "g": False}


def functions(*cells):
    """Return what the API tells of functions, by profiler, name and share."""
    world = World()
    assert world.peer().update(1, *cells) == []
    (plugin,) = json.loads(world.json())["plugins"]
    assert len({(each["profiler"], each["share_of"]) for each in plugin["functions"]}) <= 2
    return [
        (each["profiler"], each["name"], each["share"], each["share_of"])
        for each in plugin["functions"]
    ]


def test_shares_are_of_the_work():
    """Of CPU time, so what only waits is last of all but ``__other__``; TAU's are beside it."""
    assert functions(
        sampled("waits", 0, 10**9),
        sampled("__other__", 10**9, 10**9),
        sampled("works", 3 * 10**9, 4 * 10**9),
        function("f", 1, 10**9),
        function("unknown", 1, None),
        sampled("unknown", None, 10**9),
        function("__idle__", 1, 10**9),
        sampled("__idle__", 10**9, 10**9),
        function("g", 1, 3 * 10**9),
    ) == [
        ("tau", "g", 0.75, "wall"),
        ("tau", "f", 0.25, "wall"),
        ("tau", "unknown", None, "wall"),
        ("sampler", "works", 0.75, "cpu"),
        ("sampler", "waits", 0.0, "cpu"),
        ("sampler", "unknown", None, "cpu"),
        ("sampler", "__other__", 0.25, "cpu"),
    ]


def test_nothing_is_divided_by_no_time():
    """Where no function took any there are no shares."""
    assert functions(sampled("f", 0, 1)) == [("sampler", "f", None, "cpu")]
    assert functions(function("f", 0, 0)) == [("tau", "f", None, "wall")]
    assert functions(function("__idle__", 1, 1)) == []


def test_the_api_lists_functions_by_cost():
    """The most expensive first, ``__other__`` last, whatever it comes to."""
    world = World()
    cells = [function("cheap", 9, 10**9), function("__other__", 99, 10**12, None)]
    cells += [function("dear", 1, 3 * 10**9, 4 * 10**9), tau(age=0.5, dropped=7, torn=2)]
    world.peer().update(1, *cells)
    (plugin,) = json.loads(world.json())["plugins"]
    assert [entry["name"] for entry in plugin["functions"]] == ["dear", "cheap", "__other__"]
    assert plugin["functions"][0] == {
        "name": "dear",
        "profiler": "tau",
        "calls": 1,
        "exclusive": 3.0,
        "inclusive": 4.0,
        "exclusive_cpu": None,
        "throttled": False,
        "share": 3 / 1004,
        "share_of": "wall",
    }
    assert plugin["tau"] == {"last_dump": world.time.now() - 0.5, "dropped": 7, "torn": 2}
    world.peer("session-2", plugin="without").update(1, counter("c", 1))
    without = json.loads(world.json())["plugins"][1]
    assert (without["functions"], without["tau"]) == ([], None)
