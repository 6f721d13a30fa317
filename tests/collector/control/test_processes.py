"""Which processes get what: those that restart, return, move, or are not who they say."""

import pytest

from waggle_live_collector.control.orders import Entry
from waggle_live_collector.identity.app_meta import AppMeta
from waggle_live_collector.identity.labels import IdentityLabels
from waggle_live_collector.identity.peer import PROVEN, Peer

from ..world import World
from .holders import RESOLUTION, Controlled, Holder


def test_a_plugin_that_restarts_gets_what_is_left_of_the_lease():
    """If its new declaration allows it; else its default."""
    world = World()
    Controlled(world).peer.bye()
    plugin, me = Controlled(world, "session-2"), Holder(world)
    me.put(resolution=360)
    plugin.peer.bye("stopped")
    world.pass_(4)
    again = Controlled(world, "session-3")
    assert again.last_set["knobs"][0]["seconds"] == pytest.approx(6, abs=0.01)
    assert again.has() == {"resolution": 360}
    other = Controlled(world, "session-4", knobs=[{**RESOLUTION, "choices": [720, 1080]}])
    assert other.has() == {}


def test_an_expired_lease_is_gone_everywhere():
    """From the process, the metrics and the list of holders."""
    world = World()
    plugin, me = Controlled(world), Holder(world)
    me.put(resolution=360)
    assert world.value("waggle_knob_leased", name="resolution") == 1
    assert world.value("waggle_collector_leases") == 1
    world.pass_(11)
    assert plugin.has() == {}
    assert world.value("waggle_knob_leased", name="resolution") == 0
    assert world.value("waggle_collector_leases") == 0
    assert world.value("waggle_collector_lease_expirations_total") == 1
    assert world.control.leases.holders == {}
    assert world.budget.account("control", "leases").total == 0


def test_a_process_that_returns_is_sent_what_it_lacks_and_nothing_else():
    """A reconnect says all knobs; one that has the value already is not sent it again."""
    world = World()
    plugin, me = Controlled(world), Holder(world)
    me.put(resolution=360)
    plugin.obey()
    sets = plugin.sets
    plugin.tell()
    assert plugin.sets == sets
    released = Controlled(world, "session-1")  # takes the session over, at its default
    assert released.has() == {"resolution": 360}


def test_a_value_that_was_released_while_a_process_was_away_is_taken_back():
    """The process says that it still has it."""
    world = World()
    plugin, me = Controlled(world), Holder(world)
    me.put(resolution=360)
    plugin.obey()
    plugin.peer.protocol.end_of_file()
    me.end()
    back = Controlled(world, "session-1", knobs=[plugin.knobs["resolution"]])
    assert back.last_set == {"type": "set", "number": 1, "knobs": []}


def test_what_another_collector_set_is_left_to_the_process():
    """One that forgot all takes nothing away: the process counts by itself."""
    world = World()
    knob = {**RESOLUTION, "value": 360, "source": "set", "revision": 17}
    assert Controlled(world, knobs=[knob]).last_set is None


def test_a_pod_that_is_looked_up_takes_its_lease_along():
    """Its knobs then belong to the plugin that it turned out to be."""
    world = World(stack=True)
    known = Controlled(world, "session-9", plugin="img", task="t", job="j")
    plugin, me = Controlled(world, app_id="pod-1", plugin="claimed"), Holder(world)
    me.put(Entry("img", "resolution", "t", "j", value=360))
    assert known.has() == {"resolution": 360}
    assert plugin.has() == {}
    world.resolve("pod-1", AppMeta(IdentityLabels("img", "t", "j")))
    world.pass_(1)
    assert plugin.has() == {"resolution": 360}


def test_an_unproven_process_gets_no_order_for_the_proven():
    """It has labels of its own, so no lease reaches it, nor does it answer for them."""
    world = World(verify="warn")
    proof = Peer(pid=7, uid=1, pod="pod-1", proof=PROVEN, principal="pod:pod-1", process=1)
    proven = Controlled(world, credentials=proof, app_id="pod-1")
    posing = Controlled(world, "session-2", app_id="pod-1")
    (answer,) = Holder(world).put(resolution=360)
    assert answer["processes"] == {"applied": 0, "refused": 0, "pending": 1}
    assert proven.has() == {"resolution": 360}
    assert posing.has() == {}
