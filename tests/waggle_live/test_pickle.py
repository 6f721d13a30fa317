"""Pickles and copies: found again by name and labels, here and in another process."""

import copy
import importlib.util
import os
import pickle
import sys
from functools import partial

import pytest

from waggle_live.live import LiveMetrics
from waggle_live.wire.errors import InvalidMetric, InvalidType

from .helpers import cell, cells, environment, problems, run_python, write_script


def by_pickle(protocol, value):
    return pickle.loads(pickle.dumps(value, protocol))


COPIES = [copy.copy, copy.deepcopy]
COPIES += [partial(by_pickle, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]


def synchronize():
    """Stands for torch.cuda.synchronize."""


def make(live):
    """Return one of each, with what uses it once and the cell that tells."""
    return [
        (live, lambda made: made.counter("c").inc(), ("counter", "c")),
        (live.counter("c"), lambda made: made.inc(), ("counter", "c")),
        (live.gauge("g", camera="left"), lambda made: made.inc(), ("gauge", "g")),
        (live.timer("t", model="a"), lambda made: made.start().stop(), ("timer", "t")),
        (live.timer("t", sync=synchronize), lambda made: made.start().stop(), ("timer", "t")),
        (live.rate("ticks"), lambda made: made.tick(), ("rate", "ticks")),
        (live.rate("blocks"), lambda made: made.start().stop(), ("rate", "blocks")),
        (live.rate("bound").tick, lambda made: made(), ("rate", "bound")),
        (live.timer("t", kind="bound").start, lambda made: made().stop(), ("timer", "t")),
        (live.gauge("bound_gauge").inc, lambda made: made(1), ("gauge", "bound_gauge")),
    ]


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("index", range(10))
def test_a_copy_is_the_same_series(live, copied, index):
    """What the copy and the original record adds up, under one name and labels."""
    original, use, key = make(live)[index]
    made = copied(original)
    for each in (made, original, made):
        use(each)
    (found,) = [found for each, found in cells(live).items() if each[:2] == key and total(found)]
    assert total(found) == 3
    assert problems(live) == {}


def total(found):
    return found.get("count", found.get("value"))


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_of_live_metrics_is_a_handle(listener, connect, copied):
    """The session ends with the last handle; one that is copied of a closed one may record."""
    live = connect()
    other = copied(live)
    live.close()
    other.counter("c").inc()
    assert other.flush(5)
    assert listener.messages("bye") == []
    other.close(timeout=5)
    assert len(listener.messages("bye")) == 1
    assert listener.total("counter", "c") == 1


def test_what_a_subclass_holds_is_copied(live):
    """Attributes of an author's own subclass go with it."""
    live.__class__ = Named
    live.title = "left camera"
    for copied in COPIES:
        made = copied(live)
        assert type(made) is Named
        assert made.title == "left camera"


class Named(LiveMetrics):
    """An author's own."""


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_of_an_open_timer_is_not_open(live, copied):
    """A timer may be copied while its block runs, which is recorded once."""
    timer = live.timer("t")
    with timer:
        made = copied(timer)
        with made:
            pass
    assert cell(live, "timer", "t")["count"] == 2
    assert problems(live) == {}


@pytest.mark.parametrize("sync", [None, synchronize])
def test_a_span_is_one_measurement(live, sync):
    """Its copies are itself, so it is recorded once; a pickle is refused with the reason."""
    span = live.timer("t", sync=sync).start()
    assert copy.copy(span) is copy.deepcopy(span) is span
    with pytest.raises(InvalidType, match="span can't be pickled"):
        pickle.dumps(span)
    span.stop()
    assert cell(live, "timer", "t")["count"] == 1


def test_a_sync_that_cannot_be_pickled(live):
    """It is the usual error of the function; a copy keeps the function that it has."""
    made = copy.deepcopy(live.timer("t", sync=lambda: None))
    with made:
        pass
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(made)
    assert cell(live, "timer", "t")["count"] == 1


def test_a_rate_keeps_its_use(live):
    """A rate that is used as blocks is so in the other process too, from its first use on."""
    with live.rate("r") as rate:
        pass
    pickled = pickle.dumps(rate)
    live._registry._series.clear()  # as in another process
    made = pickle.loads(pickled)
    assert made is not rate
    with pytest.raises(InvalidMetric, match="blocks"):
        made.tick()


def test_above_the_limit(live):
    """What is recorded in the overflow is so after a copy as well, and is not counted again."""
    live._registry._max_series = 1
    live.counter("first").inc()
    for counter in (live.counter("more"), copy.copy(live.counter("more"))):
        pickle.loads(pickle.dumps(counter)).inc()
    assert cell(live, "counter", "__overflow__")["value"] == 2
    assert problems(live) == {"series_limit": 2}


PROGRAM = """
    import multiprocessing, sys
    from concurrent.futures import ProcessPoolExecutor
    from waggle_live import LiveMetrics

    live = LiveMetrics(plugin_name={name!r}, interval=0.1)

    def synchronize():
        pass

    @live.timer("function")
    def function(number):
        return number

    class Detector:
        def __init__(self):
            self.live = live
            self.timer = live.timer("held", model="a")

        @live.rate("method")
        def method(self, number):
            with self.timer:
                self.live.counter("counted").inc(number)
            return number

        @classmethod
        @live.timer("of_class", sync=synchronize)
        def of_class(cls, number):
            return number

    def child(live, timer, rate, gauge, counter, device):
        with live.timer("by_live"), timer, device:
            rate.tick()
            gauge.inc(3)
            counter.inc(2)

    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        process = context.Process(
            target=child,
            args=(
                live,
                live.timer("t", model="a"),
                live.rate("r"),
                live.gauge("g"),
                live.counter("c"),
                live.timer("d", sync=synchronize),
            ),
        )
        process.start()
        process.join()
        assert process.exitcode == 0
        with context.Pool(2) as pool:
            for work in (function, Detector().method, Detector.of_class):
                assert pool.map(work, range(10)) == list(range(10))
            pool.close()
            pool.join()
"""


@pytest.mark.parametrize("how", ["fork", "forkserver", "spawn"])
def test_in_processes_of_multiprocessing(listener, tmp_path, how):
    """Arguments and decorated functions count in the child, exactly, under the parent's name."""
    script = write_script(tmp_path, PROGRAM.format(name="mine"))
    env = environment("unix://" + listener.path)
    assert run_python(script, how, env=env, timeout=60) == (0, "", "")
    found = {}
    for (_, key), state in listener.state().items():
        found[key[1]] = found.get(key[1], 0) + total(state)
    expected = dict.fromkeys(["by_live", "t", "d", "r"], 1)
    expected.update(dict.fromkeys(["function", "held", "method", "of_class"], 10))
    expected.update(g=3, c=2, counted=45)
    assert found == expected
    assert {hello["plugin"] for hello in listener.messages("hello")} == {"mine"}
    for (_, key), state in listener.state().items():
        assert (key[1] == "method") == ("sum" in state and state["kind"] == "rate")


BY_VALUE = """
    import asyncio, joblib
    from waggle_live import LiveMetrics

    live = LiveMetrics(interval=0.1)

    def synchronize():
        pass

    @live.timer("function")
    def function(number):
        with live.timer("within"):
            return number

    @live.rate("rate")
    def rated(number):
        return number

    @live.timer("device", sync=synchronize)
    def on_device(number):
        return number

    @live.timer("generator")
    def generator(number):
        yield number

    @live.timer("device_generator", sync=synchronize)
    def device_generator(number):
        yield number

    @live.timer("coroutine")
    async def coroutine(number):
        return number

    def of(function):
        return lambda number: next(function(number))

    def wait(make):
        return lambda number: asyncio.new_event_loop().run_until_complete(make(number))

    if __name__ == "__main__":
        works = [function, rated, on_device, of(generator), of(device_generator), wait(coroutine)]
        parallel = joblib.Parallel(n_jobs=2)
        for work in works:
            assert parallel(joblib.delayed(work)(i) for i in range(10)) == list(range(10))
"""


def test_by_value(listener, tmp_path):
    """joblib sends functions of the main script by value, with what their wrappers hold."""
    if importlib.util.find_spec("joblib") is None:
        assert not os.environ.get("CI"), "joblib is missing"
        pytest.skip("joblib is missing")
    script = write_script(tmp_path, BY_VALUE)
    status, _, err = run_python(script, env=environment("unix://" + listener.path), timeout=90)
    assert status == 0, err
    found = {}
    for (_, key), state in listener.state().items():
        found[key[1]] = found.get(key[1], 0) + total(state)
        assert (key[1] == "rate") == ("sum" in state and state["kind"] == "rate")
    names = "function within rate device generator device_generator coroutine"
    assert found == dict.fromkeys(names.split(), 10)


def test_a_dataclass(live):
    """``asdict`` copies deeply what a dataclass holds."""
    if sys.version_info < (3, 7):
        pytest.skip("Python 3.6 has no dataclasses")
    import dataclasses

    fields = ["live", "counter", "timer", "span"]
    Job = dataclasses.make_dataclass("Job", fields)
    job = Job(live, live.counter("c"), live.timer("t"), live.timer("t").start())
    for made in (dataclasses.asdict(job), vars(dataclasses.replace(job)), vars(copy.deepcopy(job))):
        made["live"].counter("c").inc()
        made["counter"].inc()
        with made["timer"]:
            made["span"].stop()
    assert cell(live, "counter", "c")["value"] == 6
    assert cell(live, "timer", "t")["count"] == 4
