"""``NodeLoop``, period by period, with a real collector and a real plugin."""

import threading
import time

import pytest

from tests.controller.test_leases import IDENTITY, TOKEN, collector, eventually  # noqa: F401
from waggle_live import LiveMetrics
from waggle_live_controller import Entry, Leases, Node
from waggle_live_controller.service.config import MEAN, Config, Deadline, NodeConfig
from waggle_live_controller.service.node_loop import NodeLoop
from waggle_live_controller.service.own_metrics import OwnMetrics

PERIOD, TTL = 0.2, 2.0
#: Seconds of a frame by resolution. At 720 the deadline of 0.05 is met.
FRAME = {360: 0.01, 720: 0.04, 1080: 0.09}


class Run:
    """A loop on a node, and a plugin with a knob that it may turn."""

    def __init__(self, collector):  # noqa: F811
        deadline = Deadline("detect", "inference", MEAN, 0.05, 0.0, ("resolution",), 0, None)
        self.node = Node(collector.url, control_token=TOKEN)
        one = NodeConfig(self.node, None)
        config = Config("controller", TTL, 0, PERIOD, "", (one,), (deadline,))
        self.live = LiveMetrics(address=collector.address, plugin_name="example", task="detect")
        self.knob = self.live.knob("resolution", default=1080, choices=[*FRAME], cost=[1, 4, 9])
        self.loop = NodeLoop(
            config=config, node=one, act=True, own=OwnMetrics(), stop=threading.Event()
        )
        self.leases = Leases(self.node, "controller", ttl=TTL)
        #: The values that were asked for.
        self.asked = set()

    def told(self):
        """Return the knob as the collector tells it; None before it is known."""
        return self.node.knobs().of(IDENTITY).get("resolution")

    def periods(self, count):
        """Each period there are frames, and a decision that has reached the plugin."""
        for _ in range(count):
            time.sleep(PERIOD)
            for _ in range(20):
                self.live.timer("inference").observe(FRAME[self.knob.value])
            assert self.live.flush(10)
            self.loop.step(self.leases)
            assert self.leases.wait(10)
            eventually(lambda: not self.told().processes["pending"])
            self.asked |= {each.entry.value for each in self.leases.held}


@pytest.fixture
def run(collector):  # noqa: F811
    """A loop that has turned the knob to where the deadline is met."""
    made = Run(collector)
    with made.node, made.live, made.leases:
        made.live.flush(10)
        eventually(made.told)
        while made.knob.value != 720:
            made.periods(1)
        made.periods(2)
        yield made
    made.live.close()


@pytest.mark.quiet
def test_a_value_that_is_not_in_force_is_not_judged(run):
    """While somebody else has the knob, it goes on asking for what was right, and for no more."""
    with Leases(run.node, "people", ttl=30.0, priority=9) as people:
        people.hold([Entry(IDENTITY, "resolution", 1080)], by=run.node.poll())
        eventually(lambda: run.knob.value == 1080)
        run.periods(15)  # longer than its own lease lasts
    eventually(lambda: run.knob.value == 720)
    run.periods(5)
    assert run.knob.value == 720
    assert run.asked == {720}


@pytest.mark.quiet
def test_after_a_silence_it_begins_at_the_default(run):
    """The lease is over by then, so the frames were not made with the value that it held."""
    time.sleep(TTL)
    eventually(lambda: run.knob.value == 1080)
    run.periods(10)
    assert run.knob.value == 720
    assert run.asked == {720}
