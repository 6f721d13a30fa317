"""Hypothesis looks for declarations and orders that hurt.

Whatever processes tell and holders want: nothing raises, no value that a declaration forbids is
sent, no lease outlives its time, and what was saved can be read.
"""

import json
import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.collector.control.holders import MODEL, PROFILE, RESOLUTION, THRESHOLD
from tests.collector.world import World
from waggle_live.wire.knobs import declared
from waggle_live_collector.control import answers
from waggle_live_collector.control.orders import OrderError, Orders, Will
from waggle_live_collector.messages import MAX_WHOLE
from waggle_live_collector.state import reading, snapshot
from waggle_live_collector.table.kinds import DECODER

#: `make soak` has more.
EXAMPLES = int(os.environ.get("WAGGLE_LIVE_FUZZ_EXAMPLES", "100"))

values = st.one_of(
    st.sampled_from([360, 720, 1080, 0.3, 0.5, "n", "s", True, 0, 1, 200, 2**53, 2**70, "", None]),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=70),
    st.lists(st.integers(), max_size=2),
)
names = st.sampled_from(["resolution", "threshold", "model", "__profile", "__other", "", "a b"])
GOOD = [RESOLUTION, THRESHOLD, MODEL, PROFILE]
good = st.sampled_from(GOOD)
standing = st.fixed_dictionaries(
    {},
    optional={
        "value": values,
        "source": st.sampled_from(["default", "set", "pinned", "x", 7]),
        "revision": st.integers(-1, 2**64) | st.just("x"),
        "error": st.text(max_size=300) | values,
        "slept": values,
    },
)
odd = st.fixed_dictionaries(
    {"name": names | values, "type": st.sampled_from(["int", "float", "str", "bool", "x"])},
    optional={
        "default": values,
        "choices": st.lists(values, max_size=20) | values,
        "low": values,
        "high": values,
        "better": values,
        "cost": st.lists(values, max_size=3) | values,
        "settle": values,
    },
)
knobs = st.builds(lambda knob, stands: {**knob, **stands}, good | good | odd, standing)
message = st.fixed_dictionaries(
    {"type": st.just("knobs"), "knobs": st.lists(knobs, max_size=6)},
    optional={"number": st.integers(-1, 9) | st.just(MAX_WHOLE) | values},
)
stacks = st.fixed_dictionaries(
    {"type": st.just("stacks"), "revision": st.integers(0, 9) | values},
    optional={"stacks": st.dictionaries(st.text(max_size=9), values, max_size=3) | values},
)
pairs = st.tuples(names, values) | st.sampled_from(
    [
        *[("resolution", value) for value in (360, 720, 1080, 480, 360.0)],
        *[("threshold", value) for value in (0.3, 0.31, 0.9, 0.91, 1)],
        *[("model", value) for value in ("n", "s", "m", "x")],
        *[("__profile", value) for value in (0, 99, 200, 201)],
    ]
)
wills = st.fixed_dictionaries(
    {
        "set": st.lists(
            st.builds(
                lambda plugin, pair: {"plugin": plugin, "name": pair[0], "value": pair[1]},
                st.sampled_from(["p0", "p0", "p1", "x"]),
                pairs,
            ),
            max_size=5,
        )
    },
    optional={"ttl": st.sampled_from([2, 10, 60]), "priority": st.integers(0, 9)},
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(0, 2), message | message | stacks),
        st.tuples(st.just("put"), st.sampled_from(["a", "b"]), wills),
        st.tuples(st.just("pass"), st.sampled_from([0.4, 1.0, 7.0]), st.none()),
        st.tuples(st.just("end"), st.integers(0, 2), st.sampled_from(["ok", "error", None])),
    ),
    max_size=25,
)


class Node:
    """A world with three processes of two plugins, which come back when they have ended."""

    def __init__(self):
        self.world = World(memory=3_000_000)
        self.orders = Orders(self.world.control)
        self.etags = {}
        self.begun = self.number = 0
        self.peers = {}

    def peer(self, number):
        """Return a process, a new one if need be; it declares something at first."""
        if number not in self.peers:
            self.begun += 1
            self.peers[number] = self.world.peer(f"session-{self.begun}", plugin=f"p{number % 2}")
            self.say(number, {"type": "knobs", "knobs": GOOD})
        return self.peers[number]

    def say(self, number, what):
        """Say something, and look at all that was sent."""
        self.number += 1
        self.peer(number).say(json.dumps({"number": self.number, **what}).encode() + b"\n")

    def put(self, name, will):
        """State a will as HTTP does."""
        decoded = snapshot.json.decode(json.dumps(will).encode(), type=Will)
        try:
            holder, answers = self.orders.put(name, decoded, self.etags.get(name, []))
            self.etags[name] = [holder.etag]
            assert len(answers) == len(will["set"])
        except OrderError:
            self.etags[name] = []

    def end(self, number, status):
        """End a process, with a ``bye`` or without."""
        peer = self.peer(number)
        if status is None:
            peer.protocol.end_of_file()
        else:
            peer.bye(status)
        del self.peers[number]

    def check(self, told):
        """Hold what was sent to what was told."""
        control = self.world.control
        for number, peer in self.peers.items():
            for answer in peer.answers:
                if answer["type"] == "set":
                    for entry in answer["knobs"]:
                        assert 0 < entry["seconds"] <= 60
                        assert any(
                            allows(knob, entry) for knob in [*GOOD, *told.get(number, ())]
                        ), (
                            entry,
                            told,
                        )
            peer.answers.clear()
        now = self.world.time.at
        assert all(each.until <= now + 60 for each in control.leases.holders.values())
        json.dumps(
            {**answers.head(control), "knobs": list(answers.knobs(control))}, allow_nan=False
        )


def allows(knob, entry):
    """Tell whether an entry of a ``knobs`` message allows what was sent."""
    try:
        declaration = declared(knob)
        return declaration.name == entry["name"] and declaration.check(entry["value"]) is not None
    except (ValueError, TypeError, OverflowError):
        return False


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps)
def test_no_order_and_no_declaration_hurts(taken):
    """In any order, with restarts of plugins between, and a collector that can take it up again."""
    node = Node()
    world, told = node.world, {}
    for number in range(3):
        node.peer(number)
    for kind, whom, what in taken:
        if kind == "say":
            node.say(whom, what)
            listed = what.get("knobs")
            told.setdefault(whom, []).extend(listed if isinstance(listed, list) else [])
        elif kind == "put":
            node.put(whom, what)
        elif kind == "end":
            node.end(whom, what)
        else:
            world.pass_(whom)
        node.check(told)
    assert not world.scrape().sum("waggle_collector_errors_total")
    world.text(openmetrics=True)
    text = snapshot.take(world.table, world.processes, world.control, world.clock)
    state, left_out = reading.read(text)
    assert left_out == []
    assert len(state.settings) == len(world.control.settings)
    world.pass_(61)
    assert world.control.leases.holders == {}
    assert all(setting.value is None for setting in world.control.settings.values())


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=60) | wills.map(lambda will: json.dumps(will).encode()[1:]))
def test_any_line_is_decoded_or_refused(line):
    """Nothing else comes out of the decoder."""
    for kind in (b"knobs", b"stacks", b"set"):
        try:
            DECODER.decode(b'{"type":"' + kind + b'",' + line)
        except ValueError as error:
            assert type(error).__name__ == "ProtocolError"
