"""When answers are whole."""

from waggle_live_collector.table.readiness import DEFAULT_RETURN_SECONDS, Readiness

from ..world import World


def readiness(world, *, loaded, awaited=()):
    world.processes.awaited.update(awaited)
    readiness = Readiness(processes=world.processes, clock=world.clock)
    assert "is being read" in readiness.why_not()
    readiness.begin(state_loaded=loaded)
    return readiness


def test_without_a_state_it_is_the_whole_time():
    """Nobody knows for whom to wait."""
    world = World()
    ready = readiness(world, loaded=False)
    world.time.pass_(DEFAULT_RETURN_SECONDS - 0.01)
    assert "0.0 s" in ready.why_not()
    world.time.pass_(0.02)
    assert ready.why_not() is None


def test_it_is_ready_when_everybody_is_back():
    """The answer says how many are missing."""
    world = World()
    ready = readiness(world, loaded=True, awaited=["session-1"])
    assert "1 processes" in ready.why_not()
    peer = world.peer("session-1")
    assert ready.why_not() is not None, "hello alone brings no numbers"
    peer.flush()
    assert ready.why_not() is None


def test_it_does_not_wait_for_the_dead():
    """At most two seconds, and never again."""
    world = World()
    ready = readiness(world, loaded=True, awaited=["session-1"])
    world.time.pass_(DEFAULT_RETURN_SECONDS)
    assert ready.why_not() is None
    assert not world.processes.awaited


def test_nobody_to_wait_for_means_ready_at_once():
    """The state held no connected process."""
    assert readiness(World(), loaded=True).why_not() is None
