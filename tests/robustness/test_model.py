"""Any order of recording, sending, failing and ending leaves the table equal to the truth."""

import math
import os
import tempfile

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.collector.world import Time, World

from .model import Process, shown

HOLD_SECONDS = 60.0
PLUGINS = ("left", "right")
KINDS = ("timer", "failure", "rate", "block", "counter", "float", "message", "upload")
#: `make soak` has more.
EXAMPLES = int(os.environ.get("WAGGLE_LIVE_MODEL_EXAMPLES", "40"))
index = st.integers(0, 5)
ways = st.sampled_from(("arrives", "stays", "waits"))


class Node(RuleBasedStateMachine):
    """One collector that may be restarted, and plugin processes that come, fork and go."""

    @initialize()
    def begin(self):
        self.directory = tempfile.TemporaryDirectory()
        self.time = Time()
        self.processes, self.ended, self.left_behind = [], [], []
        self.highest = {}
        self.build()
        self.processes.append(self.connected(Process("left", self.time.at)))

    def teardown(self):
        if hasattr(self, "directory"):
            self.settle()
            self.directory.cleanup()

    def build(self):
        """Make the collector's objects and load the state file."""
        self.world = World(hold_time=HOLD_SECONDS, time=self.time)
        world = self.world
        self.state = world.state_file(os.path.join(self.directory.name, "state"))
        world.when_saved = lambda call: (self.state.write(), call(True))
        self.state.load()

    def connected(self, process):
        """Connect a process; its old connection may still be read."""
        old = process.connect(self.world)
        if old is not None:
            self.left_behind.append(old)
        return process

    def pick(self, number):
        return self.processes[number % len(self.processes)]

    # What processes do.

    @rule(number=index, name=st.sampled_from("ab"), value=st.integers(0, 10**10), way=ways)
    def record(self, number, name, value, way):
        """Record with every instrument; it stays, is on its way, or arrives."""
        process = self.pick(number)
        for kind in KINDS:
            process.record(kind, name, value)
        self.go(process, way)

    @rule(number=index, way=ways, size=st.none() | st.integers(1, 400))
    def send(self, number, way, size):
        self.go(self.pick(number), way, size)

    def go(self, process, way, size=None):
        if way != "stays":
            process.send(self.time.at)
        if way == "arrives" and process.link is not None:
            process.link.deliver(size)
            process.counted = True

    @rule(number=index)
    def flush(self, number):
        """What is answered for is in the table, to the last unit."""
        process = self.pick(number)
        if process.link is None or not process.link.is_open:
            self.connected(process)
        faithful = process.link.faithful
        process.send(self.time.at)
        process.counted = True
        if process.ask(type="flush", number=1) and faithful:
            table = shown(self.world)
            for key, value in process.truth().items():
                assert key[5:] or table.get(key, 0) >= value * (1 - 1e-15), key

    @rule(number=index, plugin=st.none() | st.sampled_from(PLUGINS))
    def start(self, number, plugin):
        """A new process, or a fork of one (None)."""
        if len(self.processes) < 6:
            at = self.time.at
            new = self.pick(number).fork(at) if plugin is None else Process(plugin, at)
            self.processes.append(self.connected(new))

    @rule(number=index, again=st.booleans())
    def end(self, number, again):
        """Say bye until it is answered, as from the end of a block; the answer may be missed."""
        process = self.pick(number)
        for _ in range(1 + again):
            self.connected(process)
            process.send(self.time.at)
            process.counted = True
            assert process.ask(type="bye", number=1, status="ok")
        self.retire(process)

    @rule(number=index)
    def die(self, number):
        """kill -9, at a moment when all was sent, read and saved."""
        process = self.pick(number)
        self.connected(process)
        process.send(self.time.at)
        process.counted = True
        process.link.deliver()
        self.state.write()
        process.link.peer.close()
        self.retire(process)

    def retire(self, process):
        self.left_behind.append(process.link)
        self.processes.remove(process)
        self.ended.append(process)
        if not self.processes:
            self.processes.append(self.connected(Process("right", self.time.at)))

    # What happens to them.

    @rule(number=index, arrives=st.booleans(), absent=st.sampled_from([0.0, 1.0, 61.0, 130.0]))
    def disconnect(self, number, arrives, absent):
        """The connection ends, for a while; what stands in it is read first or never."""
        process = self.pick(number)
        link, process.link = process.link, None
        if link is not None:
            if arrives:
                link.deliver()
                process.counted = True
            link.peer.close()
        self.time_passes(absent)

    @rule(number=index)
    def reconnect(self, number):
        process = self.connected(self.pick(number))
        self.go(process, "arrives")

    @precondition(lambda self: self.left_behind)
    @rule(number=index, size=st.none() | st.integers(1, 400))
    def old_bytes_arrive(self, number, size):
        self.left_behind[number % len(self.left_behind)].deliver(size)

    @rule(number=index, again=st.booleans())
    def mangle(self, number, again):
        """Lines arrive twice, or the wrong way round; the next connection makes that good."""
        link = self.pick(number).link
        if link is not None and link.waiting.endswith(b"\n"):
            if again:
                link.waiting += link.waiting
            else:
                link.faithful = False
                link.waiting = b"".join(reversed(link.waiting.splitlines(keepends=True)))

    def time_passes(self, seconds):
        before = set(self.world.table.plugins)
        kept = {p.identity for p in self.world.table.plugins.values() if p.up}
        self.world.pass_(seconds, step=5.0)
        gone = before - set(self.world.table.plugins)
        assert not gone & kept, "a connected plugin expired"
        for process in self.processes + self.ended:
            if process.plugin in {identity.plugin for identity in gone}:
                process.counted = False
        self.forget(gone)

    def forget(self, gone):
        names = {identity.plugin for identity in gone}
        self.highest = {k: v for k, v in self.highest.items() if k[0] not in names}

    @rule(saved=st.booleans())
    def restart_the_collector(self, saved):
        """kill -9: what was read since the last write of the state file is forgotten."""
        if saved:
            self.state.write()
        before = set(self.world.table.plugins)
        for process in self.processes:
            process.link = None
        self.left_behind.clear()
        self.build()
        self.forget(before - set(self.world.table.plugins))

    # What must hold.

    @invariant()
    def no_counter_falls(self):
        if not hasattr(self, "world"):
            return
        self.state.write()  # as before each answer to a scrape
        now = shown(self.world)
        for key, value in self.highest.items():
            assert now.get(key, -1) >= value, ("fell", key, value, now.get(key))
        self.highest = now

    @rule()
    def settle(self):
        """All living processes are back and have said everything: the table is the truth."""
        for process in self.processes:
            self.connected(process)
            process.send(self.time.at)
            process.link.deliver()
            process.counted = True
        self.no_counter_falls()
        addends = {}
        for process in self.processes + self.ended:
            if process.counted:
                for key, value in process.truth().items():
                    if "bucket" not in key:
                        addends.setdefault(key, []).append(value)
        truth = {key: math.fsum(v) if key[4] == "value" else sum(v) for key, v in addends.items()}
        found = {key: value for key, value in shown(self.world).items() if value or key in truth}
        assert {k: v for k, v in truth.items() if v or k in found} == found
        text = self.world.scrape()
        for plugin in PLUGINS:
            mine = [(key, value) for key, value in truth.items() if key[0] == plugin]
            wanted = sum(value for key, value in mine if key[1::3] == ("timer", "count"))
            assert text.sum("waggle_timer_seconds_count", plugin=plugin) == wanted


TestNode = Node.TestCase
TestNode.__doc__ = "Counters equal the true totals whatever happens, and never fall on the way."
TestNode.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
