"""state/older.py: the state file of the release before."""

import copy
import json
from itertools import accumulate
from pathlib import Path

import pytest

from ..world import Time, World, rate, timer
from .test_state_file import state_of

STATES = Path(__file__).parent / "states"
#: Written by the release that wrote this format: processes that were connected, that had ended and
#: that were lost; labels that are empty; buckets at both ends of the range.
STATE = json.loads((STATES / "format-1.json").read_bytes())


NEIGHBOUR = copy.deepcopy(STATE["plugins"][0])
NEIGHBOUR[0] = ["neighbour"] * 3


def timers(plugin):
    """Return the totals of a plugin's timers as format 1 has them, by name and labels."""
    return {(row[1], str(row[2])): row for row in plugin[2] if row[0] == "timer"}


def load(tmp_path, state):
    """Return a world that has read a state, or None if it is a bad one."""
    path = tmp_path / "state"
    path.write_text(json.dumps(state))
    world = World(time=Time())
    return world if state_of(world, path).load() else None


@pytest.mark.parametrize("name", ["format-1.json", "november.json"])
def test_each_coarse_count_is_as_it_was(tmp_path, name):
    """No bound's count rises or falls when the fine buckets come in."""
    state = json.loads((STATES / name).read_bytes())
    world = load(tmp_path, state)
    compared = 0
    for plugin, now in zip(state["plugins"], world.table.plugins.values(), strict=True):
        for row in timers(plugin).values():
            labels = tuple(tuple(pair) for pair in row[2])
            series = now.series["timer", row[1], labels]
            assert series.totals.buckets.cumulated() == list(accumulate(row[6]))
            compared += 1
    assert compared == 3


def test_what_processes_counted_is_counted_where_it_was(tmp_path):
    """Of ended processes the bound alone is known: they count in the middle below it."""
    world = load(tmp_path, STATE)
    (plugin,) = world.table.plugins.values()
    run = dict(plugin.series["timer", "run", ()].totals.buckets.items())
    # Of session-1 and session-3; session-2 had ended, with {-60: 1, -59: 3, 10: 4}.
    assert run == {-61: 7, -60: 5 + 4, -52: 2, -20: 2, 3: 1, 12: 4}


def test_processes_go_on_where_they_were(tmp_path):
    """What returns is counted once, by the buckets that it had told."""
    world = load(tmp_path, STATE)
    buckets = {-60: 6, -52: 2, 3: 1}
    assert world.peer("session-1").update(2, timer("run", buckets, 9_500_000_000, failures=1)) == []
    assert world.peer("session-3").update(2, timer("run", {-61: 7, -20: 4}, 2 * 10**9)) == []
    assert world.value("waggle_timer_seconds_count", name="run", camera=None) == 25 + 1 + 2
    (plugin,) = world.table.plugins.values()
    assert plugin.series["timer", "run", ()].totals.buckets[-60] == 10


def test_a_series_that_counts_too_much_costs_itself_alone(tmp_path):
    """A sum over 2^63 - 1 of a plugin's mistake can't be counted: the others stay as they are."""
    state = copy.deepcopy(STATE)
    state["plugins"][0][2][1][3] = state["plugins"][0][2][3][3] = 2**63  # a timer and a rate
    messages = ["count", "messages", "m", [], 2**64]
    state["plugins"][0][2].append(messages)
    state["sessions"][0][14].append([*messages[:4], 2**62])
    world = load(tmp_path, state)
    (plugin,) = world.table.plugins.values()
    assert {key.name for key in plugin.series} == {"run", "declared", "frames"}
    assert world.value("waggle_timer_seconds_count", name="run") == 25
    assert world.peer("session-1").update(2, rate("fps", 9)) == []
    assert world.value("waggle_rate_events_total", name="fps") == 9


def change(path, value):
    """Return the state with another value at a path."""
    state = copy.deepcopy(STATE)
    *way, last = path
    owner = state
    for step in way:
        owner = owner[step]
    owner[last] = value
    return state


TIMER = ("plugins", 0, 2, 0)
CELL = ("sessions", 0, 14, 0)


@pytest.mark.parametrize(
    "state",
    [
        change(("plugins",), {}),
        change(("plugins",), [3]),
        change(("sessions",), None),
        change(("sessions", 0), ["session"] * 20),
        change(("sessions", 0, 2), [[], [], []]),
        change(TIMER, "timer run"),
        change((*TIMER, 6), None),
        change((*TIMER, 6), [25] + 20 * [0]),
        change((*TIMER, 6), [25] + 21 * [0]),
        change((*TIMER, 6), [2**70] + 21 * [0]),
        change((*TIMER, 3), 24),
        change((*CELL, 2), [3]),
        change((*CELL, 6), [[-60, 8]]),
        change((*CELL, 6), {"-60": "8"}),
        change((*CELL, 6), {"-60": -8}),
        change((*CELL, 6), {"-60": 8.5}),
        change((*CELL, 6), {"-600": 8}),
        change((*CELL, 6), {"ten": 8}),
        change((*CELL, 6), {"-60": 9}),
    ],
)
def test_a_malformed_row_costs_that_row(tmp_path, state):
    """As in a file of today's format: its neighbours are read, and what is left out is counted."""
    if isinstance(state["plugins"], list):
        state["plugins"].append(copy.deepcopy(NEIGHBOUR))
    world = load(tmp_path, state)
    assert world.value("waggle_collector_state_left_out_total") >= 1
    left = world.value("waggle_timer_seconds_count", plugin="neighbour", name="run", camera=None)
    assert left == (25 if isinstance(state["plugins"], list) else None)
