"""Pickles and copies: found again by name and labels, here and in another process."""

import copy
import pickle
import sys
from functools import partial

import pytest

from waggle_live.live import LiveMetrics
from waggle_live.wire.errors import InvalidMetric, InvalidType

from .helpers import cell, cells, problems


def by_pickle(protocol, value):
    return pickle.loads(pickle.dumps(value, protocol))


COPIES = [copy.copy, copy.deepcopy]
COPIES += [partial(by_pickle, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]


def sync():
    """Stands for torch.cuda.synchronize."""


USES = [
    (lambda live: live, lambda made: made.counter("c").inc(), ("counter", "c")),
    (lambda live: live.counter("c"), lambda made: made.inc(), ("counter", "c")),
    (lambda live: live.gauge("g", camera="left"), lambda made: made.inc(), ("gauge", "g")),
    (lambda live: live.gauge("g").inc, lambda made: made(1), ("gauge", "g")),
    (lambda live: live.timer("t", model="a"), lambda made: made.start().stop(), ("timer", "t")),
    (lambda live: live.timer("t", sync), lambda made: made.start().stop(), ("timer", "t")),
    (lambda live: live.timer("t").start, lambda made: made().stop(), ("timer", "t")),
    (lambda live: live.rate("ticks"), lambda made: made.tick(), ("rate", "ticks")),
    (lambda live: live.rate("ticks").tick, lambda made: made(), ("rate", "ticks")),
    (lambda live: live.rate("blocks"), lambda made: made.start().stop(), ("rate", "blocks")),
]


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("make, use, key", USES)
def test_a_copy_is_the_same_series(live, copied, make, use, key):
    """What the copy and the original record adds up, under one name and labels."""
    original = make(live)
    made = copied(original)
    for each in (made, original, made):
        use(each)
    (found,) = [found for each, found in cells(live).items() if each[:2] == key]
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


@pytest.mark.parametrize("sync", [None, sync])
def test_a_span_is_one_measurement(live, sync):
    """Its copies are itself, so it is recorded once; a pickle is refused with the reason."""
    span = live.timer("t", sync=sync).start()
    assert copy.copy(span) is copy.deepcopy(span) is span
    with pytest.raises(InvalidType, match="span can't be pickled"):
        pickle.dumps(span)
    span.stop()
    assert cell(live, "timer", "t")["count"] == 1


class Stream:
    """Like a device's: it can't be copied."""

    def synchronize(self):
        pass

    def __deepcopy__(self, memo):
        raise RuntimeError("a stream has no copy")


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_sync_that_cannot_be_copied(live, copied):
    """The copy of a device timer has the same ``sync``."""
    with copied(live.timer("t", sync=Stream().synchronize)):
        pass
    assert cell(live, "timer", "t")["count"] == 1
    assert problems(live) == {}


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
