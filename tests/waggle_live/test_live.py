"""LiveMetrics: its life cycle, and the calls by name."""

import asyncio
import threading
import time

import pytest

from waggle_live.instruments import spans
from waggle_live.live import LiveMetrics
from waggle_live.wire.errors import InvalidMetric, InvalidType

from ..leftovers import new_threads
from .helpers import MS, Stopwatch, cell, cells, problems, run_async, run_python, until


def test_start_and_stop_by_name(live):
    """The calls of the original notes: by name, with labels, nestable."""
    watch = Stopwatch()
    with watch.outside():
        live.start_timer("latency")
        with watch.inside():
            time.sleep(0.01)
            with watch.outside():
                live.start_timer("latency")
                with watch.inside():
                    live.start_timer("other", model="a")
                    time.sleep(0.01)
                live.stop_timer("latency")
            live.stop_timer("other", model="a")
        live.stop_timer("latency")
    found = cell(live, "timer", "latency")
    watch.check(found)
    assert found["count"] == 2
    assert found["max"] >= 20 * MS
    assert cell(live, "timer", "other", model="a")["count"] == 1
    assert problems(live) == {}


def test_stop_without_start(live, caplog):
    """Nothing is recorded; it is counted each time and logged once."""
    live.start_timer("a")
    live.stop_timer("b")
    live.stop_timer("a", x="1")
    assert problems(live) == {"unmatched_stop": 2}
    assert len(caplog.records) == 1
    assert "'b'" in caplog.text
    live.stop_timer("a")
    assert {key[1]: f["count"] for key, f in cells(live).items() if key[0] == "timer"} == {"a": 1}


def test_stop_of_a_bad_name(live):
    """A bad name or label is an error at the call, here too."""
    with pytest.raises(InvalidMetric):
        live.stop_timer("A")
    with pytest.raises(InvalidType):
        live.stop_timer(["a"])
    with pytest.raises(InvalidMetric):
        live.stop_timer("a", le="1")
    assert problems(live) == {}


def test_start_and_stop_are_per_thread(live):
    """Threads with the same name don't meet; a stop in another thread finds no start."""

    watch = Stopwatch()

    def work(pause):
        with watch.outside():
            live.start_timer("t")
            with watch.inside():
                time.sleep(pause)
            live.stop_timer("t")

    threads = [threading.Thread(target=work, args=(0.03 * (i + 1),)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = cell(live, "timer", "t")
    watch.check(found)
    assert found["count"] == 3
    assert found["sum"] >= 180 * MS
    assert problems(live) == {}
    live.start_timer("t")
    thread = threading.Thread(target=live.stop_timer, args=("t",))
    thread.start()
    thread.join()
    assert problems(live) == {"unmatched_stop": 1}


def test_a_stop_in_a_callback(live):
    """What a task starts by name a callback of the same thread may stop."""
    watch = Stopwatch()

    async def main():
        loop, done = asyncio.get_event_loop(), asyncio.Event()

        def stop():
            live.stop_timer("t")
            done.set()

        with watch.outside():
            live.start_timer("t")
            with watch.inside():
                await asyncio.sleep(0.02)
            loop.call_soon(stop)
            await done.wait()

    run_async(main())
    watch.check(cell(live, "timer", "t"))
    assert problems(live) == {}


def test_a_stop_that_several_may_be_meant_by(live):
    """A stop by name outside of the tasks that have started it is recorded, and counted."""

    async def work():
        live.start_timer("t")
        await asyncio.sleep(10)

    async def main():
        tasks = [asyncio.ensure_future(work()) for _ in range(2)]
        await asyncio.sleep(0.01)
        live.stop_timer("t")
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    run_async(main())
    assert cell(live, "timer", "t")["count"] == 1
    assert problems(live) == {"overlap_mismatch": 1}


def test_starts_nested_too_deep(live, caplog):
    """Above the bound the outermost is forgotten, which is counted."""
    for _ in range(spans.MAX_NESTING + 5):
        live.start_timer("t")
    for _ in range(spans.MAX_NESTING):
        live.stop_timer("t")
    assert cell(live, "timer", "t")["count"] == spans.MAX_NESTING
    assert problems(live) == {"unmatched_stop": 5}
    assert len(caplog.records) == 1


def test_off(monkeypatch, caplog):
    """Switched off: everything works, nothing runs, nothing is said."""
    monkeypatch.setenv("WAGGLE_LIVE_METRICS", "off")
    before = threading.enumerate()
    with LiveMetrics(plugin_name="x") as live:
        with live.timer("t"):
            live.counter("c").inc()
        assert not new_threads(before)
        assert live.flush() is False
        assert cell(live, "timer", "t")["count"] == 1
    assert caplog.records == []


def test_constructor_starts_nothing(listener):
    """Only its use starts the thread; opening twice starts one; close ends it."""
    before = threading.enumerate()
    live = LiveMetrics(address="unix://" + listener.path, plugin_name="x")
    assert not new_threads(before)
    assert live.open() is live.open() is live
    names = [thread.name for thread in threading.enumerate()]
    assert names.count("waggle-live") == 1
    assert all(t.daemon for t in threading.enumerate() if t.name == "waggle-live")
    live.close()
    live.close()
    until(lambda: "waggle-live" not in [thread.name for thread in threading.enumerate()])


@pytest.mark.parametrize(
    "error, status",
    [
        (None, "ok"),
        (SystemExit(), "ok"),
        (SystemExit(0), "ok"),
        (SystemExit(3), "error"),
        (ValueError(), "error"),
        (KeyboardInterrupt(), "stopped"),
    ],
)
def test_status_of_the_end(listener, error, status):
    """``bye`` says how the outermost block ended, if nothing was recorded since."""
    try:
        with LiveMetrics(address="unix://" + listener.path, plugin_name="x") as live:
            live.counter("c").inc()
            if error is not None:
                raise error
    except BaseException as caught:
        assert caught is error
    assert listener.messages("bye") == []
    live.close(timeout=5)
    assert [message["status"] for message in listener.messages("bye")] == [status]
    assert [m["type"] for m in listener.messages()][-1] == "bye"
    assert listener.total("counter", "c") == 1


def test_what_is_recorded_after_an_error_takes_it_back(listener):
    """Whoever goes on has caught what left the block; an inner block is not the outermost one."""
    live = LiveMetrics(address="unix://" + listener.path, plugin_name="x")
    for _ in range(2):
        with pytest.raises(ValueError), live:
            with live:
                live.counter("c").inc()
                raise ValueError
    live.counter("c").inc()
    live.close(timeout=5)
    assert [message["status"] for message in listener.messages("bye")] == ["ok"]
    assert listener.total("counter", "c") == 3


def test_what_is_used_after_close_is_a_new_session(listener):
    """It counts from zero, with the instruments kept."""
    live = LiveMetrics(address="unix://" + listener.path, plugin_name="x")
    counter, timer, rate = live.counter("c"), live.timer("t"), live.rate("r")
    work = live.timer("d")(lambda: None)
    for total in (3, 2):
        for _ in range(total):
            counter.inc()
            rate.tick()
            work()
            with timer:
                pass
        live.gauge("g").set(total)
        live.close(timeout=5)
    assert len(set(listener.sessions)) == 2
    for kind, name in (("counter", "c"), ("timer", "t"), ("rate", "r"), ("timer", "d")):
        found = [
            state.get("count", state.get("value"))
            for (_, key), state in listener.state().items()
            if key == (kind, name, ())
        ]
        assert sorted(found) == [2, 3], name


@pytest.mark.parametrize("status", ["exit", "lost", 1])
def test_a_status_that_is_none(live, status):
    """Only what a process can say of itself."""
    with pytest.raises(InvalidMetric, match="ok, error, stopped"):
        live.close(status)


def test_two_at_once(listener, connect):
    """Two plugins in one process are two sessions, each with its own series."""
    first, second = connect(plugin_name="a"), connect(plugin_name="b")
    first.counter("c").inc(1)
    second.counter("c").inc(5)
    second.timer("first_kind")
    first.gauge("first_kind")
    assert first.flush(2)
    assert second.flush(2)
    assert sorted(cell["value"] for cell in listener.state().values() if "value" in cell) == [
        0,
        1,
        5,
    ]
    assert {hello["plugin"] for hello in listener.messages("hello")} == {"a", "b"}


@pytest.mark.parametrize("interval", [0, -1, 1e9, float("nan")])
def test_bad_interval(interval):
    """An interval out of range is an error with the rule and the value."""
    with pytest.raises(InvalidMetric, match="interval must be") as caught:
        LiveMetrics(interval=interval)
    assert repr(interval) in str(caught.value)


@pytest.mark.parametrize("value", ["1", None, True])
def test_interval_and_timeout_of_wrong_type(live, value):
    """Seconds are numbers."""
    with pytest.raises(InvalidType, match="interval"):
        LiveMetrics(interval=value)
    with pytest.raises(InvalidType, match="timeout"):
        live.flush(value)


def test_forgotten_but_open(listener):
    """One that nobody keeps is sent from, and ends well, as long as it is open."""
    program = (
        "from waggle_live.live import LiveMetrics\n"
        "counter = LiveMetrics(address=%r, plugin_name='x', interval=9).open().counter('c')\n"
        "import gc; gc.collect()\n"
        "counter.inc(5)\n" % ("unix://" + listener.path)
    )
    from .helpers import environment

    assert run_python("-c", program, env=environment()) == (0, "", "")
    assert listener.total("counter", "c") == 5
    assert [message["status"] for message in listener.messages("bye")] == ["ok"]
