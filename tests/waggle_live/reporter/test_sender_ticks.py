"""When the sender sends: at multiples of its interval, and not after its bye."""

import time

import pytest

from waggle_live.live import LiveMetrics
from waggle_live.reporter.link import Link
from waggle_live.reporter.sender import tick_after

from ..listener import Listener

pytestmark = pytest.mark.oldest_and_newest


@pytest.mark.parametrize("interval", [0.01, 0.1, 0.25, 0.3, 1.0, 7.5, 60.0])
def test_ticks_are_multiples_of_the_interval(interval):
    """The next tick is the nearest multiple that is later, however late this one is."""
    for now in (0.001, 12.3456, 98765.4321, 31536000.123):
        tick = tick_after(now, interval)
        assert now < tick <= now + interval * 1.000001
        assert abs(tick / interval - round(tick / interval)) < 1e-3
        assert tick_after(tick + 0.001, interval) == pytest.approx(tick + interval)
        assert tick_after(now + 1000 * interval, interval) == pytest.approx(tick + 1000 * interval)


@pytest.mark.quiet
def test_senders_tick_together(listener, connect):
    """Two senders that start at different times send at the same times."""
    lives = [connect(interval=0.25, plugin_name="a")]
    time.sleep(0.1)
    lives.append(connect(interval=0.25, plugin_name="b"))

    def updates():
        for live in lives:
            live.counter("c").inc()
        seen = listener.connections
        return [[m["monotonic"] for m in each if m["type"] == "update"] for each in seen]

    assert listener.wait_for(lambda _: len(updates()) == 2 and min(map(len, updates())) > 8, 10)
    for sent in updates():
        late = sorted(now % 0.25 for now in sent[1:9])  # the first goes out at once
        assert late[3] < 0.1, sent  # most, since a busy machine may wake one late


class Leaving(Listener):
    """Answers the bye after a while and hangs up, as the collector does."""

    def _answer(self, message):
        if message["type"] != "bye":
            return super()._answer(message)
        time.sleep(0.05)
        self.say(*super()._answer(message))
        self.hang_up()  # not before the answer is out, however busy the machine is
        return []


def test_a_tick_after_the_bye_misses_no_answer(tmp_path, monkeypatch):
    """An answer that comes when the next tick is due ends the session; it isn't begun again."""
    listener = Leaving(tmp_path / "l.sock")
    look = Link.look

    def slowly(link, urgent):
        if listener.messages("bye"):
            time.sleep(0.1)  # a busy machine
        look(link, urgent)

    monkeypatch.setattr(Link, "look", slowly)
    try:
        live = LiveMetrics(address="unix://%s" % listener.path, plugin_name="x", interval=0.01)
        live.counter("c").inc()
        assert live.flush(5)
        live.close(timeout=5)
        assert listener.wait_for(lambda each: each.messages("bye"))  # kept once it is answered
        assert len(listener.messages("hello")) == len(listener.messages("bye")) == 1
    finally:
        listener.stop()
