"""All series of a process: one kind per name, a bounded number, sums preserved above it."""

import gc
import threading
import tracemalloc

import pytest

from waggle_live import COUNTER, GAUGE, RATE, TIMER
from waggle_live.live import INSTRUMENTS
from waggle_live.series.registry import Registry
from waggle_live.wire.errors import InvalidMetric
from waggle_live.wire.protocol import DEFAULT_MAX_SERIES, OVERFLOW

from ..helpers import cell, cells, problems, taken

pytestmark = pytest.mark.oldest_and_newest

MAKE = {"timer": "timer", "rate": "rate", "gauge": "gauge", "counter": "counter"}


@pytest.mark.parametrize("first", sorted(MAKE))
@pytest.mark.parametrize("second", sorted(MAKE))
def test_one_kind_per_name(live, first, second):
    """A name has one kind, labels or not; another is an error that says which it has."""
    getattr(live, first)("x")
    if first == second:
        getattr(live, second)("x", a="1")
        return
    for labels in ({}, {"a": "1"}):
        with pytest.raises(InvalidMetric, match="'x' is a %s .* %s: one kind" % (first, second)):
            getattr(live, second)("x", **labels)
    assert [key[0] for key in cells(live)] == [first]


def test_declare(live):
    """Declared series stand at zero, and start_timer follows the declared kind."""
    live.declare(latency=TIMER, fps=RATE, cars=GAUGE, frames=COUNTER, **{"a.b": TIMER})
    found = cells(live)
    assert {key[:2] for key in found} == {
        ("timer", "latency"),
        ("rate", "fps"),
        ("gauge", "cars"),
        ("counter", "frames"),
        ("timer", "a.b"),
    }
    assert found["timer", "latency", ()]["count"] == 0
    assert found["gauge", "cars", ()]["value"] == 0
    live.start_timer("fps")
    live.stop_timer("fps")
    assert cell(live, "rate", "fps")["count"] == 1
    live.declare(latency=TIMER)  # again is fine
    with pytest.raises(InvalidMetric, match="'latency' is a timer"):
        live.declare(latency=RATE)


@pytest.mark.parametrize("kind", ["histogram", None, "TIMER", 3, "messages", [], float])
def test_declare_another_kind(live, kind):
    """Another kind is an error with the rule, the name and the value; nothing is declared."""
    with pytest.raises(InvalidMetric, match="TIMER, RATE, GAUGE, COUNTER") as caught:
        live.declare(good=TIMER, x=kind)
    assert "x=" in str(caught.value)
    assert repr(kind) in str(caught.value)
    assert live._registry.states() == []


def test_declare_a_bad_name(live):
    """A bad name in a declaration is an error."""
    with pytest.raises(InvalidMetric):
        live.declare(Latency=TIMER)


def test_exactly_the_limit(live):
    """1,000 series of all kinds together, labels counted, are kept apart; the next isn't."""
    assert DEFAULT_MAX_SERIES == 1000
    for i in range(1000):
        getattr(live, sorted(MAKE)[i % 4])("x%d" % (i % 4), i=i)
    assert len(cells(live)) == 1000
    assert problems(live) == {}
    live.counter("one_more").inc()
    assert cell(live, "counter", OVERFLOW)["value"] == 1
    live.counter("x0", i=0).inc()  # what exists goes on
    assert cell(live, "counter", "x0", i="0")["value"] == 1


def test_above_the_limit_sums_are_exact(live, caplog):
    """What comes above is added up under ``__overflow__``, for each kind; old ones go on."""
    for i in range(1000):
        live.counter("kept%d" % i).inc()
    for i in range(300):
        name = "more%d" % i
        live.counter(name).inc(i)
        with live.timer(name + "t"):
            pass
        with pytest.raises(KeyError):
            with live.timer("t", i=i):
                raise KeyError
        live.timer(name + "t").start().stop()
        live.timer(name + "d")(len)("")
        live.rate(name + "r").tick()
        live.rate(name + "rb").start().stop()
        live.gauge(name + "g").set(i)
        live.start_timer(name + "s")
        live.stop_timer(name + "s")
    for i in range(1000):
        live.counter("kept%d" % i).inc(2)
    found = cells(live)
    assert all(found["counter", "kept%d" % i, ()]["value"] == 3 for i in range(1000))
    assert found["counter", OVERFLOW, ()]["value"] == sum(range(300))
    timer = found["timer", OVERFLOW, ()]
    assert (timer["count"], timer["failures"]) == (5 * 300, 300)
    assert sum(count for _, count in timer["buckets"]) == 5 * 300
    assert found["rate", OVERFLOW, ()]["count"] == 2 * 300
    assert "last" not in found["rate", OVERFLOW, ()]
    assert found["gauge", OVERFLOW, ()]["value"] == 299
    assert len(found) == 1000 + 4 + 1  # kept, overflow of each kind, the problem
    assert problems(live)["series_limit"] > 0
    assert len([r for r in caplog.records if "more than 1000" in r.getMessage()]) == 1


def growth(function):
    """Return by how many bytes more are in use after a call of ``function``."""
    gc.collect()
    tracemalloc.start()
    try:
        function()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_memory_is_bounded(live):
    """100,000 names and label values, of all forms, take no more memory than the limit's worth."""

    def use(i):
        live.counter("c%d" % i).inc()
        live.timer("t%d" % i).start().stop()
        live.timer("l", i=str(i)).start().stop()
        live.timer("s%d" % i, sync=lambda: None)
        live.start_timer("n%d" % i)
        live.stop_timer("n%d" % i)
        live.start_timer("m", i=i)
        live.stop_timer("m", i=i)
        live.count_message("p%d" % i)

    for i in range(2000):
        use(i)
    grown = growth(lambda: [use(i) for i in range(2000, 12000)])
    for i in range(12000, 100000):
        live.counter("c%d" % i).inc()
    assert grown < 4 << 20  # full buffers
    assert len(live._registry.states()) < 1000 + 10
    total = sum(f["value"] for k, f in cells(live).items() if k[0] == "counter")
    assert total == 100000


def test_starts_that_are_never_stopped_are_bounded(live):
    """start_timer without stop_timer, under ever new names, takes bounded memory."""
    for i in range(3000):
        live.start_timer("n%d" % i)
    grown = growth(lambda: [live.start_timer("n%d" % i) for i in range(3000, 13000)] and None)
    assert grown < 1 << 20


def test_messages_are_bounded(live):
    """Names of messages count as series; the rest is added up."""
    for i in range(1200):
        live.count_message("m%d" % i)
    for _ in range(2):
        live.count_message("m0")
    found = cells(live)
    assert found["messages", "m0", ()]["value"] == 3
    assert found["messages", OVERFLOW, ()]["value"] == 200


@pytest.mark.parametrize("name", ["__x", "a\n", "__overflow__"])
def test_messages_whose_name_is_pywaggles_only(live, name):
    """What pywaggle publishes but the wire has no name for is counted with the overflow."""
    live.count_message(name)
    live.count_message(name)
    assert cell(live, "messages", OVERFLOW)["value"] == 2
    assert problems(live) == {}


def test_uploads_have_no_name(live):
    """A cell of uploads carries its value."""
    live.count_upload()
    live.count_upload()
    found = cell(live, "uploads", "")
    assert found["value"] == 2
    assert "name" not in found


def run_all(threads):
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_making_series_from_many_threads(fast_switching):
    """Threads that make the same series at once all get the same, and lose nothing."""
    for _ in range(30):
        registry = Registry(INSTRUMENTS)
        together = threading.Barrier(6)

        def work(registry=registry, together=together):
            together.wait()
            for i in range(5):
                registry.get(COUNTER, "c%d" % i, {"a": "b"}).inc()
                registry.count_message("m%d" % i)
                registry.count_upload()
                registry.problems.count("sync_error", "x")

        run_all([threading.Thread(target=work) for _ in range(6)])
        values = {(c.kind, c.name): taken(c)["value"] for c in registry.states()}
        expected = {
            (kind, "%s%d" % (kind[0], i)): 6 for kind in ("counter", "messages") for i in range(5)
        }
        expected.update({("uploads", ""): 30, ("problem", "sync_error"): 30})
        assert values == expected


def test_a_look_at_all_series_waits_for_no_lock(live):
    """Not while another thread makes a series: under eventlet that lock is of greenlets."""
    live.counter("c").inc()
    registry, seen = live._registry, []
    with registry._lock:
        looking = threading.Thread(target=lambda: seen.extend(registry.states()))
        looking.start()
        looking.join(10)
        assert [state.name for state in seen] == ["c"]
    looking.join()
