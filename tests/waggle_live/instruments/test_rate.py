"""Rates: ticked, or used as blocks."""

import asyncio
import threading
import time

import pytest

from waggle_live import RATE
from waggle_live.wire.errors import InvalidMetric, InvalidType

from ..helpers import MS, Stopwatch, Whole, cell, cells, last, problems, run_async


def test_ticks(live):
    """Each tick is an event; ``last`` is the time between the last two."""
    rate, watch = live.rate("fps"), Stopwatch()
    with watch.outside():
        rate.tick()
        with watch.inside():
            assert "last" not in cell(live, "rate", "fps")
            time.sleep(0.02)
        live.rate("fps").tick()
    found = cell(live, "rate", "fps")
    assert found["count"] == 2
    assert found["last"] >= 20 * MS
    watch.check_one(found["last"])
    assert "sum" not in found


def test_last_over_folds(live):
    """``last`` is right whether the last two ticks were folded together or apart."""
    rate, watch = live.rate("fps"), Stopwatch()
    rate.tick()
    time.sleep(0.02)
    for together in (True, False):
        with watch.outside():
            rate.tick()
            with watch.inside():
                if not together:
                    cell(live, "rate", "fps")
                time.sleep(0.02)
            rate.tick()
        watch.check_one(cell(live, "rate", "fps")["last"], last)


@pytest.mark.parametrize("together", [True, False])
def test_events_at_once(live, together):
    """``tick(n)`` is n events, which share the time since the tick before evenly."""
    rate, watch = live.rate("fps"), Stopwatch()
    with watch.outside():
        rate.tick(1000000)
        with watch.inside():
            if not together:
                assert "last" not in cell(live, "rate", "fps")
            time.sleep(0.02)
        rate.tick(Whole(10))
    found = cell(live, "rate", "fps")
    assert found["count"] == 1000010
    assert watch.inner[0] // 10 <= found["last"] <= watch.outer[0] // 10
    rate.tick(0)
    rate.tick(n=1)
    rate.tick()
    assert cell(live, "rate", "fps")["count"] == 1000012


@pytest.mark.parametrize(
    "n, error, rule",
    [
        (-1, InvalidMetric, "0 to 2.53 at once, got int: -1"),
        (2**53 + 1, InvalidMetric, "got int: 9007199254740993"),
        (2.0, InvalidType, "whole number, got float: 2.0"),
        ("2", InvalidType, "got str: '2'"),
    ],
)
def test_what_is_no_number_of_events(live, n, error, rule):
    """A number that is negative, not whole or none raises at the call and records nothing."""
    with pytest.raises(error, match=rule):
        live.rate("fps").tick(n)
    assert cell(live, "rate", "fps")["count"] == 0


def test_many_events_take_no_room(live):
    """The buffer holds an entry a call, however many events it is, and stays bounded."""
    from waggle_live.series.state import FOLD_AT

    rate = live.rate("fps")
    for _ in range(2 * FOLD_AT):
        rate.tick(1000)
    assert len(live._registry.states()[0].buffer) <= FOLD_AT + 1
    assert cell(live, "rate", "fps")["count"] == 2000 * FOLD_AT


def test_a_block_measured_elsewhere(live):
    """``observe`` is a block of that duration, so a rate that is ticked refuses it."""
    live.rate("detector").observe(0.25)
    found = cell(live, "rate", "detector")
    assert (found["count"], found["sum"], found["last"]) == (1, 250 * MS, 250 * MS)
    with pytest.raises(InvalidMetric, match="used as blocks already"):
        live.rate("detector").tick(n=2)
    live.rate("fps").tick(2)
    with pytest.raises(InvalidMetric, match="used as ticks already"):
        live.rate("fps").observe(1)


def test_each(live):
    """One event per item, when it arrives; items, laziness and early ends are the iterable's."""
    seen = []

    def source():
        for i in range(5):
            seen.append(i)
            yield i

    rate = live.rate("fps")
    assert list(rate.each(source())) == [0, 1, 2, 3, 4]
    assert cell(live, "rate", "fps")["count"] == 5
    for item in rate.each(source()):
        if item == 1:
            break
    assert seen == [0, 1, 2, 3, 4, 0, 1]
    assert cell(live, "rate", "fps")["count"] == 7
    assert list(rate.each([])) == []
    with pytest.raises(TypeError):
        list(rate.each(3))


def test_each_hands_errors_on(live):
    """An error of the iterable goes on unchanged and is no event."""

    def source():
        yield 1
        raise OSError("camera")

    with pytest.raises(OSError, match="camera"):
        list(live.rate("fps").each(source()))
    assert cell(live, "rate", "fps")["count"] == 1


def test_each_async(live):
    """One event per item of an async iterable."""

    async def source():
        for i in range(3):
            await asyncio.sleep(0)
            yield i

    async def main():
        return [item async for item in live.rate("fps").each_async(source())]

    assert run_async(main()) == [0, 1, 2]
    assert cell(live, "rate", "fps")["count"] == 3


def test_blocks(live):
    """As a block: count and sum of the durations, from which comes 1 / mean."""
    watch = Stopwatch()
    for pause in (0.02, 0.03):
        with watch.outside(), live.rate("detector"), watch.inside():
            time.sleep(pause)
    found = cell(live, "rate", "detector")
    watch.check(found)
    watch.check_one(found["last"], last)
    assert found["count"] == 2
    assert found["sum"] >= 50 * MS


def test_all_block_forms(live):
    """with, start/stop, decorator, start_timer: all blocks of one rate."""
    live.declare(r=RATE)
    with live.rate("r"):
        pass
    live.rate("r").start().stop()
    assert live.rate("r")(lambda x: x)(3) == 3
    live.start_timer("r")
    live.stop_timer("r")
    found = cell(live, "rate", "r")
    assert found["count"] == 4
    assert "sum" in found
    assert problems(live) == {}


def test_block_that_raises(live):
    """A block that raises is measured, its exception unchanged; rates have no failures."""
    with pytest.raises(KeyError):
        with live.rate("r"):
            raise KeyError
    found = cell(live, "rate", "r")
    assert found["count"] == 1
    assert "failures" not in found


def as_blocks(rate):
    return [rate.__enter__, rate.start, lambda: rate(len)]


def as_ticks(rate):
    return [rate.tick, lambda: next(rate.each([1]))]


@pytest.mark.parametrize("first, second", [(as_ticks, as_blocks), (as_blocks, as_ticks)])
def test_ticked_or_block_not_both(live, first, second):
    """The first use decides; the other is an error at the call that names both, and no event."""
    for index in range(len(first(live.rate("x")))):
        name = "r%d" % index
        kept = live.rate(name)
        first(kept)[index]()
        for rate in (kept, live.rate(name)):
            for use in second(rate):
                with pytest.raises(InvalidMetric, match="not both") as caught:
                    use()
                assert repr(name) in str(caught.value)
                assert "ticks" in str(caught.value)
                assert "blocks" in str(caught.value)
        assert cell(live, "rate", name)["count"] <= 1
        assert problems(live) == {}


def test_use_is_per_series(live):
    """Series of one name that differ in labels may be used differently."""
    live.rate("r", a="1").tick()
    with live.rate("r", a="2"):
        pass
    assert "sum" not in cell(live, "rate", "r", a="1")
    assert "sum" in cell(live, "rate", "r", a="2")


def test_kept_rate_in_overlap(live):
    """A kept rate in overlap measures as a kept timer does."""
    rate = live.rate("r")
    with rate:
        with rate:
            time.sleep(0.02)
    found = cell(live, "rate", "r")
    assert found["count"] == 2
    assert found["sum"] >= 40 * MS


def test_hot_ticks_stay_bounded(live):
    """A loop of ticks that nobody folds stays bounded and exact."""
    from waggle_live.series.state import FOLD_AT

    rate = live.rate("r")
    for _ in range(2 * FOLD_AT + 9):
        rate.tick()
    assert len(live._registry.states()[0].buffer) <= FOLD_AT + 1
    assert cell(live, "rate", "r")["count"] == 2 * FOLD_AT + 9


@pytest.mark.parametrize("use", ["tick", "block"])
def test_first_use_by_many_threads(live, fast_switching, use):
    """Threads that use a new rate for the first time at once: no error, nothing lost."""
    errors = []

    def work(name, together):
        together.wait()
        try:
            for _ in range(20):
                if use == "tick":
                    live.rate(name).tick()
                else:
                    with live.rate(name):
                        pass
        except BaseException as error:
            errors.append(error)

    for i in range(100):
        arguments = ("r%d" % i, threading.Barrier(5))
        threads = [threading.Thread(target=work, args=arguments) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert errors == []
    found = cells(live)
    assert [found["rate", "r%d" % i, ()]["count"] for i in range(100)] == [100] * 100
    assert ("sum" in found["rate", "r0", ()]) == (use == "block")


def test_first_use_by_threads_that_disagree(live, fast_switching):
    """Of a tick and a block at once the first decides; the other raises, and only the other."""
    for i in range(200):
        name, together, errors = "r%d" % i, threading.Barrier(2), []

        def work(use, name=name, together=together, errors=errors):
            together.wait()
            try:
                use(live.rate(name))
            except InvalidMetric as error:
                errors.append(error)

        uses = (lambda rate: rate.tick(), lambda rate: rate.start().stop())
        threads = [threading.Thread(target=work, args=(use,)) for use in uses]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(errors) == 1
        assert cell(live, "rate", name)["count"] == 1
