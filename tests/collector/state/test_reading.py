"""state/reading.py: what is wrong with a row of the file costs that row, never the collector."""

import functools
import json
import operator

import pytest

from waggle_live_collector.state import reading
from waggle_live_collector.state.owned_file import StateFileError

from ..world import World, counter, rate
from .cells import CELLS, SHOWN
from .test_state_file import state_of

LEFT_OUT = "waggle_collector_state_left_out_total"


def loaded(path, content):
    """Return a world that was started with a file of this content."""
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    world = World()
    state = state_of(world, path)
    assert state.load()
    state.save()
    return world


def answers(world):
    """Make every answer that there is; return the text of a scrape."""
    text = world.text()
    assert 'waggle_collector_errors_total{where="exposition"} 0' in text
    assert world.protobuf()
    assert json.loads(world.json())
    return text


@pytest.mark.parametrize(
    "content",
    [
        b"null",
        b'{"-60":3}',
        b"[-60,{}]",
        b"[-60,null]",
        b'["-60",[2,0,1]]',
        b"[-60,[2,0,2]]",
        b"[-60,[4,0,-1]]",
        b"[-60,[1.5,0,1.5]]",
        b"[-60,[2,0,99999999999999999999]]",
        b"[-60,[2,0,1e999]]",
        b"[-60,[2,0,NaN]]",
        b"[-60,[2,0,1],3]x",
        b"[-241,[2,0,1]]",
        b"[159,[2,0,1]]",
        b"[-60,[3%s]]" % (1000 * b",0"),
    ],
)
def test_buckets_that_are_none_cost_their_series(path, saved, content):
    """Of a process, what it had told of the timer; of the totals, the plugin's timer as well."""
    for buckets, count in ((b"[-60,[4,0,2]]", None), (b"[-60,[2,0,1]]", 6)):
        assert saved.count(buckets) == 1
        broken = saved.replace(buckets, content)
        if content.endswith(b"x"):  # no JSON at all
            with pytest.raises(ValueError, match="not a whole state file"):
                reading.read(broken)
            continue
        world = loaded(path, broken)
        assert set(world.processes.by_id) == {"session-1", "neighbour"}
        assert world.value("waggle_timer_seconds_count", name="t") == count
        assert world.value("waggle_rate_events_total", name="r") == 6
        assert world.value("waggle_count_total", name="n") == 5
        assert world.value(LEFT_OUT) >= 1
        answers(world)


def places(value, way=()):
    """Yield the way to each value of a JSON document."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for step, inner in list(pairs):
        yield (*way, step)
        if isinstance(inner, (dict, list)):
            yield from places(inner, (*way, step))


WRONG = [None, -1, 2**63, 10**400, 1e308, float("nan"), "x", "\ud800", "\n", [], [-1.0], {}]


@pytest.mark.parametrize("turn", range(3))
def test_no_wrong_value_breaks_a_start_or_an_answer(path, saved, turn):
    """In any place of the file: it is read without what is wrong, and each answer can be made.

    Each turn puts another four of the values in, one after the other.
    """
    for number, way in enumerate(places(json.loads(saved))):
        state = json.loads(saved)
        owner = functools.reduce(operator.getitem, way[:-1], state)
        owner[way[-1]] = WRONG[4 * turn + number % 4]
        if way == ("format",):
            path.write_text(json.dumps(state))
            with pytest.raises(StateFileError):
                state_of(World(), path).load()
            continue
        text = answers(loaded(path, state))
        if way[:2] not in (("plugins",), ("plugins", 1)):
            assert 'plugin_task="neighbour"} 5.0' in text, way


@pytest.mark.parametrize("name", ["plugins", "sessions", "ended", "gone"])
def test_a_row_that_stands_there_twice_counts_once(path, saved, name):
    """Whatever it is a row of."""
    state = json.loads(saved)
    state[name] += state[name]
    world = loaded(path, state)
    assert world.value(LEFT_OUT) == len(state[name]) / 2
    assert world.value("waggle_count_total", name="n") == 5
    answers(world)


def plugin_of(state):
    return next(row for row in state["plugins"] if row[0][0] == "plugin")


def series(row, kind):
    return next(each for each in row[2] if kind in each[:2])


def changed(place, value):
    """Return what puts another value at an index of a row."""

    def change(state, kind):
        series(plugin_of(state), kind)[place] = value

    return change


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("counter", changed(0, "histogram")),
        ("messages", changed(1, "postcards")),
        ("counter", changed(1, "Upper Case")),
        ("gauge", changed(2, [["le", "1"]])),
        ("gauge", changed(2, [["plugin", "1"]])),
        ("gauge", changed(2, [["x", "1"], ["x", "2"]])),
        ("gauge", changed(2, [["x", "1"], ["a", "2"]])),
        ("function", changed(1, "a\nb")),
        ("function", changed(2, [["profiler", "perf"]])),
        ("function", changed(2, [["x", "1"]])),
        ("tau", changed(1, "name")),
        ("tau", changed(2, [["x", "1"]])),
        ("rate", lambda state, kind: plugin_of(state)[2].remove(series(plugin_of(state), kind))),
        ("timer", lambda state, kind: series(plugin_of(state), kind).__delitem__(slice(2, None))),
    ],
)
def test_a_series_that_no_collector_makes_costs_itself_alone(path, saved, kind, change):
    """An unknown kind, a name or label that nobody may have, one too few.

    Its process tells it again: what it counted, and what ended ones did not.
    """
    state = json.loads(saved)
    change(state, kind)
    world = loaded(path, state)
    answers(world)
    assert world.value(LEFT_OUT) >= 1
    assert set(world.processes.by_id) == {"session-1", "neighbour"}
    for each, (family, labels, both, _) in SHOWN.items():
        assert world.value(family, **labels) == (None if each == kind else both), each
    assert world.peer("session-1").update(2, *CELLS) == []
    for each, (family, labels, both, one) in SHOWN.items():
        assert world.value(family, **labels) == (one if each == kind else both), each
    answers(world)


def test_a_series_that_stands_there_twice_counts_once(path, saved):
    """Of a plugin, and of a process."""
    state = json.loads(saved)
    plugin_of(state)[2] *= 2
    row = next(row for row in state["sessions"] if row[0] == "session-1")
    row[14] *= 2
    world = loaded(path, state)
    assert world.value(LEFT_OUT) == 2 * len(CELLS)
    assert world.value("waggle_timer_seconds_count", name="t") == 6
    assert world.peer("session-1").update(2, rate("r", 4, sum=5, last=1)) == []
    assert world.value("waggle_rate_events_total", name="r") == 7
    answers(world)


def test_what_is_left_out_is_logged_with_which_and_why(path, saved, caplog):
    """And nothing of a key is."""
    state = json.loads(saved)
    plugin_of(state)[2] = "series"
    state["sessions"] += [["session-9", "a2V5", ["plugin"] * 3, [], 0, None]]
    loaded(path, state)
    assert '(["plugin","plugin",""])' in caplog.text.replace(" ", "")
    assert "Expected `array`, got `str`" in caplog.text
    assert 'row 3 of sessions ("session-9")' in caplog.text
    assert "a2V5" not in caplog.text


@pytest.mark.parametrize("form", [1, 2])
@pytest.mark.parametrize("nested", [100_000 * "[" + 100_000 * "]", 9999 * '{"a":' + 9999 * "}"])
def test_what_nests_without_end_costs_its_row(form, nested):
    """Of either format, beside the rows and among them."""
    text = '{"format":%d,"boot":"","monotonic":0,"more":%s,"plugins":[%s],"sessions":[],"ended":[]}'
    state, left_out = reading.read((text % (form, nested, nested)).encode())
    assert not state.plugins
    assert len(left_out) == 1


def test_times_that_have_not_come_yet_are_now(path, saved):
    """Else what they belong to would be kept for as long."""
    state = json.loads(saved)
    for plugin in state["plugins"]:
        plugin[6] = plugin[7] = 1e9
    world = loaded(path, state)
    world.pass_(400, 400)
    assert not world.table.plugins


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b'{"format":2}', b"\xff\xfe", b'{"format":"1"}', b"\0\0", b" ", b'{"a":1}'],
)
def test_what_is_no_state_file_is_refused_and_stays(path, content):
    """Not JSON, cut off, or another program's."""
    path.write_bytes(content)
    with pytest.raises(StateFileError, match="not a whole state file"):
        state_of(World(), path).load()
    assert path.read_bytes() == content


def test_a_file_cut_off_anywhere_is_refused(saved):
    """Nothing of it is taken for the whole."""
    for end in range(1, len(saved), 7):
        with pytest.raises(ValueError, match="not a whole state file"):
            reading.read(saved[:end])


def test_an_empty_file_is_a_first_start(path):
    """A tool may have made it."""
    path.write_bytes(b"")
    assert not state_of(World(), path).load()


@pytest.mark.parametrize("name", ["monotonic", "ahead"])
@pytest.mark.parametrize("value", [1e9, -1e9, 999_999_999.5])
def test_what_is_written_after_a_wrong_time_can_be_read(path, saved, name, value):
    """A clock at the end of what a file takes would lose all with the next start."""
    world = loaded(path, {**json.loads(saved), name: value})
    world.time.pass_(5)
    world.peer("session-3").update(1, counter("later", 2))
    again = path.with_name("again")
    state_of(world, again).save()
    world = loaded(path, again.read_bytes())
    assert world.value("waggle_count_total", name="later") == 2
    assert world.value("waggle_count_total", name="n") == 5
    assert world.value(LEFT_OUT) == 0
