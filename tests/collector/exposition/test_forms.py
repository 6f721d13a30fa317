"""Every form of /metrics says the same: the protobuf decoded equals the text parsed."""

import logging
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families as parse_text

from waggle_live.wire.histogram import MAX_INDEX, MIN_INDEX
from waggle_live_collector.exposition import families as f

from ..metric_family import decode, fine_counts, samples
from ..world import World, function, rate, timer
from .oracle import LIVE, rich_world

#: These tell of the process, or of the scrapes themselves: they differ from one to the next.
MOVING = ("process_", "waggle_collector_scrape_seconds")
names = st.sampled_from(["a", "b.c", "d_0"])
texts = st.text(st.sampled_from('\0\r\n\t"\\{}=, %#a\x85\u2028é蜂🐝'), max_size=6)
labels = st.dictionaries(st.sampled_from(["A", "le_", "z", "model"]), texts, max_size=3)
counts = st.integers(0, 2**40) | st.sampled_from([0, 1, 2**53 + 1, 2**61])
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    ["NaN", "+Inf", "-Inf", -0.0, 0, 999_999.5, 1e6, 1e-300, 2**62]
)
sums = st.floats(0, 1e300, allow_subnormal=True) | counts
buckets = st.dictionaries(
    st.integers(MIN_INDEX, MAX_INDEX) | st.integers(-8, 8), counts, max_size=9
)


@st.composite
def timers(draw):
    """Return a cell of a timer, whose count is one that a process may have."""
    counted = draw(buckets)
    if sum(counted.values()) >= 2**63:
        counted = {}
    fields = draw(st.fixed_dictionaries({"failures": counts}, optional={"last": counts}))
    return timer(draw(names), counted, draw(counts), labels=draw(labels), **fields)


@st.composite
def functions(draw):
    """Return a cell of a function."""
    calls, exclusive, inclusive, cpu = [draw(st.none() | counts) for _ in range(4)]
    profiler = draw(st.sampled_from([None, "tau", "sampler"]))
    name = "f" + draw(texts)
    return function(name, calls, exclusive, inclusive, profiler, exclusive_cpu=cpu)


def plain(kind, **fields):
    """Return the cells of a kind of which each field is drawn."""
    return st.fixed_dictionaries({"kind": st.just(kind), **fields})


cells = st.one_of(
    timers(),
    functions(),
    st.builds(rate, names, counts, labels=labels),
    st.builds(rate, names, counts, labels=labels, sum=counts, last=counts),
    plain("gauge", name=names, value=numbers, labels=labels),
    plain("counter", name=names, value=sums, labels=labels),
    plain("messages", name=names, value=counts),
    plain("uploads", value=counts),
    plain("problem", name=st.just("sync_error"), value=counts),
    plain("tau", age=st.just(1.5), dropped=counts, torn=counts),
)


@st.composite
def worlds(draw):
    """Return a world of up to four plugins with up to three processes each, some of them gone."""
    world = World()
    for number in range(draw(st.integers(0, 4))):
        identity = {
            "plugin": f"plugin{number}" + draw(texts),
            "task": draw(texts),
            "client": draw(texts),
        }
        for process in range(draw(st.integers(1, 3))):
            peer = world.peer(f"session-{number}-{process}", monotonic=0.0, **identity)
            for update in range(1, draw(st.integers(1, 3))):
                told = draw(st.lists(cells, max_size=6))
                used = {"cpu_seconds": draw(st.floats(0, 1e9)), "memory_bytes": draw(counts)}
                peer.update(update, *told, process=used)
            world.pass_(draw(st.sampled_from([0, 0.5, 12])))
            if draw(st.booleans()):
                peer.bye(draw(st.sampled_from(["ok", "error", "stopped"])))
    world.pass_(draw(st.sampled_from([0, 1.25, 400])))
    return world


def of_text(world, live):
    """Return {family: (type, help, {(name, labels): value})} of the text, parsed.

    In the protobuf form the two sums of a summary are two counters, and an info is a gauge.
    """
    found = {}
    for metric in parse_text(world.text(live=live)):
        for sample in metric.samples:
            shown = dict(sample.labels)
            if "le" in shown:
                shown["le"] = float(shown["le"])
            family = metric.name if metric.type == "histogram" else sample.name
            kind = {"gauge": 1, "histogram": 4}.get(metric.type, 0)
            values = found.setdefault(family, (kind, metric.documentation, {}))[2]
            value = "NaN" if math.isnan(sample.value) else sample.value
            values[sample.name, frozenset(shown.items())] = value
    return found


def of_protobuf(world, live):
    """Return the same of the protobuf, decoded."""
    families = decode(world.protobuf(live=live))
    found = {family.name: (family.type, family.help, samples(family)) for family in families}
    assert len(found) == len(families)
    return found


def compare(world, live):
    """Check that both forms say the same now."""
    text, protobuf = of_text(world, live), of_protobuf(world, live)
    assert list(protobuf) == list(text)  # in the same order
    for name, (kind, told, values) in text.items():
        assert protobuf[name][:2] == (kind, told)
        assert list(protobuf[name][2]) == list(values)
        if not name.startswith(MOVING):
            assert protobuf[name][2] == values
    return text


def fine(world):
    """Return {labels: {index: count}} of the native buckets."""
    (family,) = (each for each in decode(world.protobuf()) if each.name == f.TIMER_SECONDS.name)
    return {
        frozenset((pair.name, pair.value) for pair in metric.label): fine_counts(metric.histogram)
        for metric in family.metric
    }


@given(worlds(), st.booleans())
def test_protobuf_says_what_the_text_says(world, live):
    """Series by series and bucket by bucket, of any table; and its fine buckets are the table's."""
    shown = compare(world, live)
    if f.TIMER_SECONDS.name in shown:
        native = fine(world)
        for plugin in world.table.plugins.values():
            for (kind, name, more), series in plugin.series.items():
                if kind == "timer":
                    pairs = {**plugin.identity._asdict(), "name": name, **dict(more)}
                    found = native.pop(frozenset(pairs.items()))
                    assert found == dict(series.totals.buckets.items())
        assert not native


def test_protobuf_has_every_family():
    """Of a world with all of them; and empty families are not there at all."""
    assert {family.name for family in f.ALL} <= compare(rich_world(), True).keys()
    assert of_protobuf(World(), True).keys() & {family.name for family in f.ALL} == {
        f.NODE_INFO.name
    }


@pytest.mark.parametrize("form", [of_text, of_protobuf], ids=["text", "protobuf"])
def test_what_only_looks_back_a_moment_can_be_left_out(form):
    """That, and nothing else."""
    world = rich_world()
    assert form(world, True).keys() - form(world, False).keys() == LIVE


def test_a_histogram_that_cannot_be_encoded_costs_itself_alone(caplog):
    """It is logged once, with its traceback, and counted; all else of the scrape is there."""
    world = World()
    world.peer().update(1, timer("good", {0: 1}), timer("bad", {0: 1}), timer("fine", {1: 2}))
    before = of_protobuf(world, True)
    for plugin in world.table.plugins.values():
        for key, series in plugin.series.items():
            if key.name == "bad":
                series.totals.buckets = None
    with caplog.at_level(logging.ERROR):
        after = [of_protobuf(world, True) for _ in range(2)][1]
    assert after.keys() == before.keys()
    lost = {
        dict(labels)["name"]
        for name in before
        for _, labels in before[name][2].keys() - after[name][2].keys()
    }
    assert lost == {"bad"}
    (record,) = caplog.records
    assert record.exc_info
    errors = "waggle_collector_errors_total"
    assert after[errors][2][errors, frozenset({("where", "exposition")})] == 2
