"""Unproven never mixes with proven: labels, sessions, totals, ends, the state file."""

import json
import shutil

import pytest

from waggle_live_collector.identity import app_meta, peer
from waggle_live_collector.identity.app_meta import AppMeta
from waggle_live_collector.identity.labels import IdentityLabels
from waggle_live_collector.identity.peer import Peer

from ..state.test_state_file import reborn, state_of
from ..world import World, counter

CARS = AppMeta(IdentityLabels("registry/cars", "north", "traffic"), "1.2")
PROVEN = Peer(7, 0, 0, "pod-a", peer.PROVEN)
UNPROVEN = {
    "gone": Peer(8, 0, 0, proof=peer.GONE),
    "no pid": Peer(proof=peer.NO_PID),
    "no pod": Peer(9, 0, 0, proof=peer.NO_POD),
    "tcp": Peer(proof=peer.TCP, tcp=True),
}
STRANGER = UNPROVEN["gone"]


def counts(world):
    """Return the test's counter by job and proof; no labels stand twice."""
    verified = {}
    for labels, _ in world.scrape().all("waggle_plugin_info"):
        assert labels["plugin_job"] not in verified
        verified[labels["plugin_job"]] = labels["verified"]
    found = {}
    for labels, value in world.scrape().all("waggle_count_total", name="n"):
        found[labels["plugin_job"], verified[labels["plugin_job"]]] = value
    return found


def world_of(**more):
    world = World(stack=True, verify="warn", **more)
    world.apps.add("pod-a", CARS)
    return world


APART = {("traffic", "yes"): 5, ("unproven:traffic", "no"): 70}


@pytest.mark.parametrize("stranger", UNPROVEN.values(), ids=UNPROVEN)
@pytest.mark.parametrize("first", ["proven", "unproven"])
def test_who_claims_a_pod_without_proof_has_labels_of_its_own(stranger, first):
    """Whoever comes first; also the next ones of each."""
    world = world_of()
    hellos = [("session-1", PROVEN, 5), ("session-2", stranger, 70)]
    for session, credentials, value in hellos if first == "proven" else hellos[::-1]:
        world.peer(session, credentials, app_id="pod-a").update(1, counter("n", value))
        if first == "unproven" and credentials is stranger:
            assert counts(world) == {("traffic", "no"): 70}  # there is nobody to be told from
    assert counts(world) == APART
    world.peer("session-3", PROVEN).update(1, counter("n", 100))
    world.peer("session-4", stranger, app_id="pod-a").update(1, counter("n", 1000))
    assert counts(world) == {("traffic", "yes"): 105, ("unproven:traffic", "no"): 1070}
    assert [meta["verified"] for meta in json.loads(world.json())["plugins"]].count(True) == 1


@pytest.mark.parametrize("order", [(PROVEN, STRANGER), (STRANGER, PROVEN)])
def test_both_wait_for_one_record_and_part_before_it_and_after(order):
    """Under fallback labels too."""
    world = World(stack=True, verify="warn")
    for number, credentials in enumerate(order):
        value = 5 if credentials is PROVEN else 70
        one = world.peer(f"session-{number}", credentials, app_id="pod-a", plugin="unknown")
        one.update(1, counter("n", value))
    world.pass_(3)
    assert counts(world) == {("app_id:pod-a", "yes"): 5, ("unproven:app_id:pod-a", "no"): 70}
    world.resolve("pod-a", CARS)
    assert counts(world) == APART


def test_a_session_that_is_proven_later_begins_anew_and_alternates_without_loss():
    """Each counts what came by it, once; nothing of it is an end."""
    world = world_of()
    said = [(STRANGER, 5), (PROVEN, 7), (STRANGER, 8), (PROVEN, 9)]
    resumed = []
    for number, (credentials, value) in enumerate(said, 1):
        one = world.peer(None, credentials)
        resumed.append(one.hello(app_id="pod-a")[0]["resumed"])
        one.update(number, counter("n", value))
        world.pass_(1)
    assert resumed == [False, False, True, True]
    assert counts(world) == {("traffic", "yes"): 9, ("unproven:traffic", "no"): 8}
    assert (
        world.value("waggle_plugin_exits_total", plugin_job="unproven:traffic", status="lost") == 0
    )


def test_the_key_of_a_proven_session_gives_no_place_in_it():
    """Nor does its bye end it, and another pod with that session has its own."""
    world = world_of()
    world.apps.add("pod-b", CARS)
    honest = world.peer(credentials=PROVEN)
    honest.update(1, counter("n", 5))
    thief = world.peer(credentials=STRANGER, app_id="pod-a")
    thief.update(1, counter("n", 70))
    thief.bye()
    world.peer(credentials=PROVEN._replace(pod="pod-b")).update(1, counter("n", 100))
    assert not honest.closed
    honest.update(2, counter("n", 6))
    assert counts(world) == {("traffic", "yes"): 106, ("unproven:traffic", "no"): 70}


def exits(world):
    found = world.scrape().all("waggle_plugin_exits_total", status="error")
    return {labels["plugin_job"]: value for labels, value in found}


@pytest.mark.parametrize("first", ["proven", "unproven"])
def test_ends_of_those_that_are_long_gone_are_kept_apart(first):
    """For the day that they are kept, and whoever returns goes on with its own."""
    world = world_of(hold_time=10)
    hellos = [("session-1", PROVEN), ("session-2", STRANGER)]
    for session, credentials in hellos if first == "proven" else hellos[::-1]:
        world.peer(session, credentials, app_id="pod-a").bye("error")
        world.pass_(11)
    assert exits(world) == {"traffic": 1, "unproven:traffic": 1}
    for number, (_, credentials) in enumerate(hellos, 3):
        world.peer(f"session-{number}", credentials, app_id="pod-a").bye("error")
    assert exits(world) == {"traffic": 2, "unproven:traffic": 2}


@pytest.mark.parametrize("job", ["app_id:pod-a", "unproven:traffic"])
def test_nobody_claims_such_a_job(job):
    """Neither a hello nor a record of the stack."""
    world = World()
    (error,) = world.peer(None).hello(job=job)
    assert error["code"] == "bad_message"
    assert job.partition(":")[0] in error["text"]
    with pytest.raises(ValueError, match="its job begins with"):
        app_meta.decode(json.dumps({"plugin": "x", "job": job}).encode())


def test_nothing_of_a_strangers_hello_is_told_of_another():
    """Not its version, host, client or pid, where the record has none; not after a restart."""
    world = world_of()
    world.apps.add("pod-a", CARS._replace(version=""))
    claims = {"host": "evil", "client": "evil", "plugin_version": "evil", "pid": 666}
    world.peer("session-1", STRANGER, app_id="pod-a", **claims)
    world.peer("session-2", PROVEN)
    (info,) = [
        labels
        for labels, _ in world.scrape().all("waggle_plugin_info")
        if labels["verified"] == "yes"
    ]
    assert "evil" not in info.values()


def test_the_state_file_keeps_them_apart(tmp_path):
    """All return to their own; nothing is counted twice."""
    world = world_of()
    world.peer("session-1", PROVEN).update(1, counter("n", 5))
    world.peer("session-2", STRANGER, app_id="pod-a").update(1, counter("n", 70))
    state_of(world, tmp_path / "state").save()
    again = reborn(world, tmp_path / "state", stack=True, verify="warn")
    again.apps.add("pod-a", CARS)
    assert counts(again) == APART
    for session, credentials in (("session-1", PROVEN), ("session-2", STRANGER)):
        one = again.peer(None, credentials)
        assert one.hello(session, app_id="pod-a")[0]["resumed"]
        one.update(2, counter("n", 80))
    assert counts(again) == {("traffic", "yes"): 80, ("unproven:traffic", "no"): 80}


def older(path, *, verified):
    """Make a file one of the release before: no pod in an id, one plugin for all sorts."""
    state = json.loads(path.read_text())
    rows = state["sessions"]
    for row, is_verified in zip(rows, verified, strict=True):
        row[0] = row[0].partition("@")[0]
        row[3][4] = is_verified
    state["plugins"][0][1][4] = True
    path.write_text(json.dumps(state))


@pytest.mark.parametrize("mixed", [False, True])
def test_a_file_of_the_release_before(tmp_path, mixed):
    """A plugin that others counted in is unproven; one that is proven goes on where it was."""
    world = world_of()
    for number in (1, 2):
        world.peer(f"session-{number}", PROVEN).update(1, counter("n", 5))
    path = tmp_path / "state"
    state_of(world, path).save()
    older(path, verified=[True, not mixed])
    again = reborn(world, path, stack=True, verify="warn")
    again.apps.add("pod-a", CARS)
    assert counts(again) == {("traffic", "no" if mixed else "yes"): 10}
    one = again.peer(None, PROVEN)
    assert one.hello("session-1")[0]["resumed"] is not mixed
    one.update(2, counter("n", 6))
    if mixed:
        assert counts(again) == {("traffic", "yes"): 6, ("unproven:traffic", "no"): 10}
    else:
        assert counts(again) == {("traffic", "yes"): 11}


def test_a_collector_that_proves_nothing_calls_nothing_proven(tmp_path):
    """With ``--identity.verify=off`` all go on where they were, unproven; later all begin anew."""
    world = world_of()
    world.peer("session-1", PROVEN).update(1, counter("n", 5))
    path = tmp_path / "state"
    state_of(world, path).save()
    off = World(time=world.time, stack=True)
    assert state_of(off, shutil.copy(path, tmp_path / "copy"), prove=False).load()
    off.apps.add("pod-a", CARS)
    one = off.peer(None, Peer(7, 0, 0))
    assert one.hello("session-1", app_id="pod-a")[0]["resumed"]
    one.update(2, counter("n", 6))
    assert counts(off) == {("traffic", "no"): 6}
    path = tmp_path / "later"
    state_of(off, path).save()
    again = reborn(off, path, stack=True, verify="warn")
    again.apps.add("pod-a", CARS)
    again.peer("session-1", PROVEN).update(3, counter("n", 7))
    assert counts(again) == {("traffic", "yes"): 7, ("unproven:traffic", "no"): 6}
    assert (
        again.value("waggle_plugin_exits_total", plugin_job="unproven:traffic", status="lost") == 0
    )


def test_a_session_that_was_both_is_two_until_it_has_left(tmp_path):
    """Also for a collector that proves nothing; one of them comes back, none stays for ever."""
    world, path = World(verify="warn"), tmp_path / "state"
    world.peer("session-1", PROVEN).update(1, counter("n", 5))
    world.peer("session-1", STRANGER).update(2, counter("n", 6))
    state_of(world, path).save()
    off = World(time=world.time, hold_time=10)
    assert state_of(off, path, prove=False).load()
    assert len(off.processes.by_id) == len(off.processes.awaited) == 2
    off.peer("session-1").update(3, counter("n", 7))
    assert counts(off) == {("", "no"): 5, ("unproven:", "no"): 7}
    off.pass_(11)
    assert counts(off) == {("unproven:", "no"): 7}
