"""What a claim is worth beside what is proven; the processes are real in test_peer.py."""

import pytest

from waggle_live_collector.identity import peer
from waggle_live_collector.identity.app_meta import AppMeta
from waggle_live_collector.identity.labels import IdentityLabels
from waggle_live_collector.identity.peer import Peer

from ..state.test_state_file import reborn, state_of
from ..world import World, counter

CARS = AppMeta(IdentityLabels("registry/cars", "cars-north", "traffic"), "1.2")
IN_A = Peer(7, 0, 0, "pod-a", peer.PROVEN)
IN_B = Peer(8, 0, 0, "pod-b", peer.PROVEN)


def identities(world):
    return sorted(world.table.plugins)


@pytest.mark.parametrize("proof", [peer.NO_PID, peer.GONE, peer.NO_POD, peer.TCP])
def test_what_can_not_be_proven_is_refused_where_it_must_be(proof):
    """With the reason; nothing is left of it."""
    world = World(verify="require")
    stranger = world.peer(None, Peer(proof=proof, tcp=proof == peer.TCP))
    (error,) = stranger.hello(app_id="pod-a")
    assert error["code"] == "identity"
    assert stranger.closed
    assert not world.table.plugins
    assert world.refusals() == {"identity": 1}
    assert world.value("waggle_collector_identity_checks_total", result=proof) == 1


def test_a_session_that_is_resumed_must_be_proven_as_well():
    """Its key is no proof of a pod."""
    world = World(verify="require")
    world.peer(credentials=IN_A)
    (error,) = world.peer(None, Peer(proof=peer.NO_POD)).hello()
    assert error["code"] == "identity"
    assert world.value("waggle_plugin_up") == 1


@pytest.mark.parametrize("claim", [{"app_id": "pod-a"}, {"plugin": "x", "job": "traffic"}])
def test_who_was_believed_too_much_begins_anew_once_it_is_proven(tmp_path, claim):
    """A collector that is restarted with more proof does not carry the old claim on."""
    world = World()
    world.peer(**claim).update(1, counter("n", 5))
    state_of(world, tmp_path / "state").save()
    again = reborn(world, tmp_path / "state", stack=True, verify="require")
    returned = again.peer(None, IN_B)
    (welcome,) = returned.hello()  # with its forged app_id it would be refused
    assert welcome["resumed"] is False
    again.resolve("pod-b", CARS)
    returned.update(2, counter("n", 6))
    (found,) = again.scrape().all("waggle_count_total", plugin="registry/cars")
    assert found[1] == 6
    assert again.value("waggle_plugin_up", plugin="registry/cars") == 1
    assert [up for _, up in again.scrape().all("waggle_plugin_up")].count(0) == 1


def test_an_early_identity_is_of_one_pod_alone():
    """Two that claim the same are two, or what one had counted would fall when it moves."""
    world = World(stack=True)
    for number, app_id in enumerate(("pod-a", "pod-b"), 1):
        world.peer(f"session-{number}", app_id=app_id).update(1, counter("n", number))
    world.time.pass_(3)
    found = {
        labels["plugin_job"]: value for labels, value in world.scrape().all("waggle_plugin_up")
    }
    assert found == {"app_id:pod-a": 1, "app_id:pod-b": 1}


def test_without_the_stack_a_proven_pod_is_called_what_it_says():
    """Then there is nobody else to ask, and only its uid is proven."""
    world = World(verify="warn")
    world.peer(credentials=IN_A, app_id="pod-b", plugin="image:1.0", task="t", job="j")
    assert identities(world) == [("image", "t", "j")]
    info = world.scrape().all("waggle_plugin_info")[0][0]
    assert (info["app_id"], info["verified"], info["version"]) == ("pod-a", "yes", "1.0")
    assert world.value("waggle_collector_identity_checks_total", result="forged") == 1
