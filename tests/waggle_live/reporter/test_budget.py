"""Series that the collector has no room for: they are added up in ``__overflow__``, exactly."""

import time

import pytest

from waggle_live.live import LiveMetrics
from waggle_live.wire.protocol import OVERFLOW
from waggle_live.wire.refusal import encode_refused

from ..helpers import problems

pytestmark = pytest.mark.oldest_and_newest


def all_of(listener, kind, field=None):
    """Return the sum over all series of a kind that a listener holds, by hand."""
    field = field or {"timer": "count", "rate": "count"}.get(kind, "value")
    return sum(cell[field] for (_, key), cell in listener.state().items() if key[0] == kind)


def use(live, number):
    """Use one series of each kind, and a name of a message."""
    name = "n%d" % number
    live.counter("c", of=name).inc(number + 1)
    live.timer(name + "t").observe(0.001 * (number + 1))
    live.rate(name + "r").tick(2)
    with live.rate(name + "b"):
        pass
    live.gauge(name + "g").set(number)
    live.count_message(name)


@pytest.mark.parametrize("told", [1, 3, 100])
@pytest.mark.parametrize("room", [0, 1, 7, 30])
def test_sums_are_exact_whatever_the_room(listener, connect, caplog, room, told):
    """What the series had counted is included, and nothing is told twice, at any moment."""
    listener.room, listener.told = room, told
    live = connect()
    for times in range(1, 6):
        for number in range(20):
            use(live, number)
        if times == 2:
            time.sleep(0.1)
    assert live.flush(5)
    assert all_of(listener, "counter") == 5 * sum(range(21))
    assert all_of(listener, "timer") == 5 * 20
    assert all_of(listener, "timer", "sum") == 5 * sum(range(21)) * 10**6
    assert all_of(listener, "rate") == 5 * 20 * 3
    assert all_of(listener, "messages") == 5 * 20
    timer = listener.total("timer", OVERFLOW, "max")
    assert room or timer == 20 * 10**6
    assert listener.total("gauge", OVERFLOW) == 0
    refused = dict(listener._full)
    live.counter("c", of="n19").inc()
    assert live.flush(5)
    assert all_of(listener, "counter") == 5 * sum(range(21)) + 1
    assert listener._full == refused  # and what is refused is sent no more
    (record,) = caplog.records
    assert "no room for" in record.getMessage()
    assert problems(live) == {"budget": 120 - room}


def test_a_counter_never_falls(listener, connect):
    """The sum over all series rises with each update, while series are refused and used."""
    listener.room = 5
    live, sums = connect(), []
    for number in range(300):
        live.counter("c%d" % (number % 40)).inc()
        sums.append(all_of(listener, "counter"))
        time.sleep(0.001)
    assert live.flush(5)
    sums.append(all_of(listener, "counter"))
    assert sums == sorted(sums)
    assert sums[-1] == 300


def test_a_process_of_one_moment_is_told_whole(listener):
    """What is refused of its only update is told before its end."""
    listener.room, listener.told = 3, 1
    live = LiveMetrics(address="unix://" + listener.path, plugin_name="brief")
    for number in range(200):
        live.counter("c%d" % number).inc()
    live.close(timeout=5)
    assert all_of(listener, "counter") == 200
    assert len(listener.messages("bye")) == 1


def test_what_is_new_at_the_end_is_told_whole(listener):
    """Where there is no room any more, the first series of a kind is in the session's last cells,
    and a flush is answered once it is told."""
    listener.room = 1
    live = LiveMetrics(address="unix://" + listener.path, plugin_name="late", interval=60)
    for number in range(3):
        live.counter("c%d" % number).inc()
    assert live.flush(5)
    live.rate("r").tick(3)
    assert live.flush(5)
    assert listener.total("rate", OVERFLOW) == 3
    live.timer("t").observe(1)
    live.counter("late").inc()
    live.close(timeout=5)
    assert listener.total("timer", OVERFLOW) == 1
    assert listener.total("counter", OVERFLOW) == 3
    assert listener.wait_for(lambda seen: len(seen.messages("bye")) == 1)


def test_the_end_asks_only_where_something_may_be_refused(listener, connect):
    """A session whose series were all taken says bye at once."""
    live = connect()
    live.counter("c").inc()
    assert live.flush(5)
    live.counter("c").inc()
    live.close(timeout=5)
    assert len(listener.messages("flush")) == 1


def test_an_end_without_an_answer_says_bye_even_so(listener, connect):
    """A collector that hangs gets all that there is, in time."""
    live = connect()
    assert live.flush(5)
    listener.answers.clear()
    live.counter("c").inc()
    live.close(timeout=0.3)
    assert listener.wait_for(lambda seen: seen.messages("bye"))
    assert listener.total("counter", "c") == 1


@pytest.mark.parametrize("told", [1, 100])
def test_a_refused_series_without_a_value_tells_of_those_behind_it(listener, connect, told):
    """The collector says no more than 100 times that it has no room, and then nothing changes."""
    listener.room, listener.told = 0, told
    live = connect()
    for number in range(told):
        live.timer("empty%d" % number)
    for number in range(told):
        live.counter("behind%d" % number).inc(2)
    live.close(timeout=5)
    assert listener.total("counter", OVERFLOW) == 2 * told
    assert len(listener.messages("bye")) == 1


def test_what_was_taken_before_a_refused_value_counts_once(listener, connect):
    """The series was taken without a value; what is new behind that value is refused with it."""
    live = connect()
    live.timer("empty")
    live.counter("taken").inc(3)
    assert live.flush(5)
    live.timer("empty").observe(1)
    assert live.flush(5)
    listener.room = 0
    live.counter("behind").inc(4)
    listener.told = 0
    assert live.flush(5)
    refused = encode_refused("timer", "empty", {})
    listener.say({"type": "error", "code": "budget", "text": "x", "refused": refused})
    assert listener.wait_for(lambda seen: seen.total("problem", "budget"))
    assert live.flush(5)
    assert listener.total("counter", "taken") == 3
    assert listener.total("counter", OVERFLOW) == 4


def test_what_was_folded_stays_so_at_the_next_collector(listener, connect):
    """With room or without a memory of it, the next one gets each value once."""
    listener.room = 2
    live = connect()
    for name in "abcdef":
        live.counter(name).inc()
    assert live.flush(5)
    assert listener.total("counter", OVERFLOW) == 4
    listener.stop()
    listener.room = None
    listener._held.clear()
    listener.start()
    for name in "abcdefg":
        live.counter(name).inc()
    assert live.flush(5)
    last = {
        cell["name"]: cell["value"] for m in listener.connections[-1] for cell in m.get("cells", ())
    }
    assert last.pop("budget") == 4
    assert last == {"a": 2, "b": 2, "g": 1, OVERFLOW: 8}


def test_one_without_room_for_what_another_had_taken(listener, connect):
    """A collector without a memory that refuses what the one before held gets each value once."""
    live = connect()
    for name in "abcdef":
        live.counter(name).inc(2)
    assert live.flush(5)
    listener.stop()
    listener._held.clear()
    listener.connections[:] = [[] for _ in listener.connections]
    listener.room = 2
    listener.start()
    for _ in range(3):
        assert live.flush(5)
    assert all_of(listener, "counter") == 12
    assert listener.total("counter", OVERFLOW) == 8


def test_the_next_session_tries_anew(listener, connect):
    """What one session had no room for is sent by the next, from zero."""
    listener.room = 1
    live = connect()
    for name in "ab":
        live.counter(name).inc()
    live.close(timeout=5)
    listener.room = None
    for name in "ab":
        live.counter(name).inc()
    live.close(timeout=5)
    assert listener.total("counter", "b") == 1
    assert all_of(listener, "counter") == 4


def test_a_forked_child_tries_anew(listener, play_forking):
    """The parent's series were refused, not the child's."""
    listener.room = 1
    play_forking("""
        import logging
        logging.disable(logging.WARNING)
        for name in "ab":
            live.counter(name).inc()
        assert live.flush(5)
        def count():
            assert not any(state.into for state in live._registry.states())
            live.counter("b").inc()
        wait(in_child(count))
    """)
    assert listener.wait_for(lambda seen: all_of(seen, "counter") == 3)


def test_a_refused_gauge_goes_on_in_its_process(listener, connect):
    """It is left out; inc and dec stand on what it had."""
    listener.room = 0
    live = connect()
    live.gauge("g").set(5)
    assert live.flush(5)
    live.gauge("g").inc()
    assert live.flush(5)
    assert not any(cell["kind"] == "gauge" for cell in listener.state().values())
    (state,) = [each for each in live._registry.states() if each.kind == "gauge"]
    assert state.folded[0][0] == 6


WRONG = [
    None,
    5,
    "",
    "{",
    "null",
    "[]",
    "[" * 5000,
    '{"kind":"counter"}',
    '{"kind":"counter","name":"c","labels":{"a":1}}',
    '{"kind":"counter","name":"c","labels":[["a","b"]]}',
    '{"kind":["counter"],"name":"c"}',
    '{"kind":"counter","name":{"c":1}}',
    '{"kind":"counter","name":"nobody","labels":{}}',
    '{"kind":"timer","name":"c","labels":{}}',
    '{"kind":"problem","name":"budget","labels":{}}',
    '{"kind":"uploads","labels":{}}',
    '{"kind":"counter","name":"__overflow__","labels":{}}',
    '{"kind":"counter","name":"c","labels":{"a":"' + "x" * 9000 + '"}}',
    '{"kind":"counter","name":"c","lab',
]


@pytest.mark.parametrize("refused", WRONG, ids=range(len(WRONG)))
def test_what_names_no_series_of_ours_is_ignored(listener, connect, refused):
    """A stranger's word costs nothing but, at most, a line of log."""
    live = connect()
    live.counter("c").inc()
    live.count_upload()
    assert live.flush(5)
    listener.say({"type": "error", "code": "budget", "text": "full", "refused": refused})
    assert live.flush(5)
    live.counter("c").inc()
    live.counter("d").inc()
    assert live.flush(5)
    assert (listener.total("counter", "c"), listener.total("counter", "d")) == (2, 1)


def test_refusals_without_end_fold_and_cost_little(listener, connect):
    """A collector that refuses all, again and again, has it all in the overflow, once."""
    live = connect()
    for number in range(300):
        live.counter("c%d" % number).inc()
    assert live.flush(5)
    for number in range(300):
        refused = encode_refused("counter", "c%d" % number, {})
        listener.say({"type": "error", "code": "budget", "text": "x", "refused": refused})
    assert listener.wait_for(lambda seen: seen.total("problem", "budget") == 300)
    live.counter("c7").inc()
    assert live.flush(5)
    assert listener.total("counter", OVERFLOW) == 301
