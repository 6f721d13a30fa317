"""Hypothesis looks for bytes that hurt: mutated corpus, odd messages, any pieces, any order.

Whatever comes is refused with an ``error`` and a counter, or applied. No exception, no broken
text, no state file that can't be read, no neighbour touched, and memory bounded.
"""

import json
import os
import tempfile

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.collector.world import World, counter
from waggle_live.wire.protocol import IDENTITY_LABELS, OVERFLOW, PROBLEMS
from waggle_live_collector.limits import Limits

from .corpus import lines

KINDS = ["timer", "rate", "gauge", "counter", "messages", "uploads", "problem", "function", "tau"]
#: `make soak` has more.
EXAMPLES = int(os.environ.get("WAGGLE_LIVE_FUZZ_EXAMPLES", "150"))
LIMITS = Limits(series_per_process=20, processes=6)
MEMORY = 160_000
CORPUS = [line for _, line, _ in lines() if len(line) < 5000]

numbers = st.one_of(
    st.integers(-3, 3),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([2**63 - 1, 2**63, -0.0, 1e300, 1e308, 5e-324]),
)
texts = st.one_of(
    st.sampled_from(["a", "b.c", OVERFLOW, "", "__a", *PROBLEMS, *IDENTITY_LABELS, "le"]),
    st.text(max_size=8),
)
junk = st.recursive(
    st.none() | st.booleans() | numbers | texts | st.sampled_from(["NaN", "+Inf", "-Inf"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
buckets = st.lists(st.tuples(st.integers(-250, 170), st.integers(-1, 4)), max_size=3) | junk


def fields(**known):
    """Return objects with some of the known fields, now and then with junk in one."""
    return st.fixed_dictionaries({}, optional={k: v | junk for k, v in known.items()})


cells = fields(
    kind=st.sampled_from(KINDS),
    name=texts,
    labels=st.dictionaries(texts, texts, max_size=2),
    count=numbers,
    sum=numbers,
    value=numbers,
    last=numbers,
    age=numbers,
    failures=numbers,
    buckets=buckets,
)
good_cells = st.builds(counter, st.sampled_from("abcdefgh"), st.integers(0, 9))
sessions = st.sampled_from(["session-1", "session-2", "session-3", "session-4", "x"])
messages = st.one_of(
    fields(
        type=st.just("update"),
        number=st.integers(1, 9) | numbers,
        monotonic=numbers,
        since=numbers,
        cells=st.lists(cells | good_cells, max_size=4),
        process=fields(cpu_seconds=numbers, memory_bytes=numbers, memory_scope=texts),
    ),
    fields(type=st.just("flush"), number=numbers),
    fields(type=st.just("bye"), number=numbers, status=st.sampled_from(["ok", "error"])),
    fields(
        type=st.just("hello"),
        version=st.just(1),
        session=sessions,
        key=st.sampled_from(["key-of-it", "another-key"]),
        plugin=texts,
        task=texts,
        app_id=texts,
        pid=numbers,
        start_time=numbers,
        monotonic=numbers,
    ),
    junk,
).map(lambda message: json.dumps(message).encode())


@st.composite
def mutated(draw):
    """A line of the corpus with some bytes changed, taken out or put in."""
    line = bytearray(draw(st.sampled_from(CORPUS)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(line)))
        line[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(line)


said = st.lists(st.tuples(messages | mutated() | st.binary(max_size=20), st.booleans()), max_size=8)


def build(directory):
    """Return a world with a state file, and the neighbour in it."""
    world = World(limits=LIMITS, memory=MEMORY, reserve=60_000)
    state = world.state_file(os.path.join(directory, "state"))
    world.when_saved = lambda call: (state.write(), call(True))
    return world, state


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(said=said, pieces=st.integers(1, 50), reconnects=st.sets(st.integers(0, 7)))
def test_whatever_is_said_is_refused_or_applied_and_hurts_nobody(said, pieces, reconnects):
    """Three peers say anything; a neighbour's counter, the text, the state stay whole."""
    with tempfile.TemporaryDirectory() as directory:
        world, state = build(directory)
        neighbour = world.peer("neighbour", plugin="neighbour")
        neighbour.update(1, counter("good", 1))
        strangers = []
        for number, (line, newline) in enumerate(said):
            if not strangers or number in reconnects or strangers[-1].closed:
                strangers.append(world.peer(None))
                if number % 3:
                    strangers[-1].hello("session-%d" % (number % 4 + 1), "key-of-it", "stranger")
            data = line + b"\n" * newline
            for start in range(0, len(data), pieces):
                strangers[-1].say(data[start : start + pieces])
        errors = [
            answer
            for stranger in strangers
            for answer in stranger.answers
            if answer["type"] == "error"
        ]
        assert all(set(error) == {"type", "code", "text", "refused"} for error in errors)
        refused = world.scrape().sum("waggle_collector_refusals_total")
        assert refused == len(errors) or refused > 100 * len(strangers) / 2 > 0
        assert neighbour.update(2, counter("good", 2)) == []
        assert neighbour.flush() == [{"type": "applied", "number": 1}]
        check(world)
        state.save()
        again, loading = build(directory)
        assert loading.load()
        check(again)
        assert again.value("waggle_collector_state_left_out_total") == 0


def check(world):
    """The limits hold, every format can be parsed, and the neighbour is whole."""
    assert world.budget.root.total <= MEMORY
    assert world.processes.connected <= LIMITS.processes
    text = world.text(openmetrics=True)
    assert [family.name for family in text_string_to_metric_families(text)]
    assert json.loads(world.json())["plugins"]
    assert world.value("waggle_count_total", name="good", plugin="neighbour") == 2
