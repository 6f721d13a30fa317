"""What is shown of a plugin as a whole."""

import pytest

from ..world import World, counter


def process(**stats):
    return {"process": stats}


def test_the_identity_is_what_hello_says():
    """Image without its tag, the tag as version, names for what is missing."""
    world = World()
    world.peer(
        "session-1",
        plugin="registry:5000/waggle/cars:1.2",
        task="count",
        job="traffic",
        app_id="uid-1",
        client="waggle-live 0.1.0",
    )
    world.peer("session-2", plugin="")
    infos = [labels for labels, _ in world.scrape().all("waggle_plugin_info")]
    assert infos[0] == {
        "plugin": "registry:5000/waggle/cars",
        "plugin_task": "count",
        "plugin_job": "traffic",
        "version": "1.2",
        "app_id": "uid-1",
        "client": "waggle-live 0.1.0",
        "verified": "no",
        "host": "",
        "zone": "",
    }
    assert (infos[1]["plugin"], infos[1]["plugin_task"]) == ("unknown", "unknown")


def test_restarts_under_new_pods_are_one_plugin():
    """500 pod uids: the same series, counters that only rise, one info with the newest uid."""
    world = World()
    shown = 0
    for number in range(500):
        peer = world.peer(f"session-{number:03}", app_id=f"uid-{number}")
        peer.update(1, counter("a", 1))
        peer.bye()
        value = world.value("waggle_count_total", name="a") if number % 50 == 0 else shown
        assert value >= shown
        shown = value
    assert world.value("waggle_count_total", name="a") == 500
    assert world.table.series == 1
    ((labels, _),) = world.scrape().all("waggle_plugin_info")
    assert labels["app_id"] == "uid-499"


def test_memory_of_a_container_counts_once_and_that_of_processes_adds_up():
    """Every process of a container reports the whole container's."""
    world = World()
    peers = [world.peer(f"session-{n}", app_id=app) for n, app in enumerate("aab")]
    assert world.value("waggle_plugin_memory_bytes") is None
    for number, (peer, memory) in enumerate(zip(peers, (100, 120, 50))):
        world.time.pass_(0.1)
        peer.update(number + 1, **process(memory_bytes=memory, memory_scope="container"))
    assert world.value("waggle_plugin_memory_bytes") == 170
    world.peer("session-3").update(1, **process(memory_bytes=7, memory_scope="process"))
    assert world.value("waggle_plugin_memory_bytes") == 177
    for peer in peers:
        peer.bye()
    assert world.value("waggle_plugin_memory_bytes") == 7


def test_cpu_time_adds_up_over_processes_and_never_falls():
    """Ended ones included; a lower value is ignored. Before one is told there is none, and no 0."""
    world = World()
    one, two = world.peer("session-1"), world.peer("session-2")
    assert world.value("waggle_plugin_cpu_seconds_total") is None
    one.update(1, **process(cpu_seconds=1.5))
    one.update(2, **process(cpu_seconds=1.0))
    two.update(1, **process(cpu_seconds=2.0))
    one.bye()
    assert world.value("waggle_plugin_cpu_seconds_total") == 3.5


def cpu_per_second(world):
    (plugin,) = world.table.plugins.values()
    return plugin.cpu_per_second(world.time.at)


@pytest.mark.parametrize("every", [1, 2])
@pytest.mark.parametrize("cores", [0.25, 3])
def test_cpu_time_has_a_recent_rate(cores, every):
    """A steady load reads as it is, at any moment between two figures; then it isn't known."""
    world = World()
    peer = world.peer(monotonic=0.0)
    for second in range(1, 25):
        world.time.pass_(1)
        used = 0.01 + cores * (second - every)
        peer.update(second, **(process(cpu_seconds=used) if second % every == 0 else {}))
        if second > 12:
            assert cpu_per_second(world) == pytest.approx(cores, rel=0.01)
    world.time.pass_(12)
    assert cpu_per_second(world) is None


def test_cpu_time_of_imports_is_no_burst():
    """What a process used before its session began was used by one core at most."""
    world = World()
    peer = world.peer(monotonic=0.0)
    assert cpu_per_second(world) is None
    peer.update(1, monotonic=0.25, **process(cpu_seconds=6.0))
    assert cpu_per_second(world) == pytest.approx(1, rel=0.2)


def test_cpu_time_of_short_processes_counts_whole():
    """Ten children a second of 0.1 s each are one core, though each tells its figures but once."""
    world = World()
    world.peer("session-parent")
    for number in range(150):
        child = world.peer(f"session-{number}", monotonic=0.0)
        world.time.pass_(0.1)
        child.update(1, monotonic=0.1, **process(cpu_seconds=0.1))
        child.bye()
    assert cpu_per_second(world) == pytest.approx(1, rel=0.05)


def test_cpu_time_of_a_returning_process_is_no_burst():
    """To a collector that began anew, the first figures are a baseline."""
    world = World()
    peer = world.peer(monotonic=0.0)
    peer.update(5000, **process(cpu_seconds=4000))
    assert cpu_per_second(world) is None
    world.time.pass_(1)
    peer.update(5001, **process(cpu_seconds=4000.5))
    assert cpu_per_second(world) == pytest.approx(0.5)


@pytest.mark.parametrize("told", [1e300, 0.0, 1e-300])
def test_cpu_time_that_no_process_can_use_stays_a_number(told):
    """The largest and the smallest that is taken; and one that falls is ignored."""
    world = World()
    peer = world.peer(monotonic=0.0)
    for number, cpu in enumerate([0.0, told, told / 2, told], 1):
        world.time.pass_(1)
        peer.update(number, **process(cpu_seconds=cpu))
        assert (cpu_per_second(world) or 0) < float("inf")
    assert (cpu_per_second(world) is None) == (told < 1)


def test_whose_the_memory_is():
    """The container's, the processes', or, of some of both, nobody's in one word."""
    world = World()
    (plugin,) = (world.peer(), *world.table.plugins.values())[1:]
    assert plugin.memory_scope() is None
    world.peer().update(1, **process(memory_bytes=7, memory_scope="process"))
    assert plugin.memory_scope() == "process"
    other = world.peer("session-2", app_id="uid")
    other.update(1, **process(memory_bytes=7, memory_scope="container"))
    assert plugin.memory_scope() is None
    world.peer("session-1").bye()
    assert plugin.memory_scope() == "container"


def test_what_the_client_counts_by_itself():
    """Messages by name, uploads, problems by reason."""
    world = World()
    world.peer().update(
        1,
        {"kind": "messages", "name": "env.count", "value": 3},
        {"kind": "uploads", "value": 2},
        {"kind": "problem", "name": "unmatched_stop", "value": 1},
    )
    assert world.value("waggle_plugin_messages_total", name="env.count") == 3
    assert world.value("waggle_plugin_uploads_total") == 2
    assert world.value("waggle_plugin_problems_total", reason="unmatched_stop") == 1


def test_times_of_start_and_of_the_last_message():
    """The oldest living process; the latest message, an idle flush included."""
    world = World()
    one = world.peer("session-1", start_time=1_600_000_000.0)
    world.peer("session-2", start_time=1_650_000_000.0)
    assert world.value("waggle_plugin_start_timestamp_seconds") == 1_600_000_000
    one.bye()
    assert world.value("waggle_plugin_start_timestamp_seconds") == 1_650_000_000
    world.time.pass_(30)
    seen = world.value("waggle_plugin_last_seen_timestamp_seconds")
    assert seen == pytest.approx(world.time.now() - 30)
    world.peer("session-2").flush()
    assert world.value("waggle_plugin_last_seen_timestamp_seconds") == world.time.now()


@pytest.mark.parametrize("status", ["ok", "error", "stopped"])
def test_exits_are_counted_by_status(status):
    """A bye says how it ended; all four statuses are there from the first process on."""
    world = World()
    peer = world.peer()
    assert exits(world) == {"ok": 0, "error": 0, "stopped": 0, "lost": 0}
    peer.bye(status)
    assert exits(world) == {"ok": 0, "error": 0, "stopped": 0, "lost": 0, status: 1}


def test_the_last_figures_come_with_the_bye():
    """A job of one shot uses most of its CPU after its last report."""
    world = World()
    peer = world.peer()
    peer.update(1, process={"cpu_seconds": 0.1})
    peer.say({"type": "bye", "number": 1, "process": {"cpu_seconds": 3.5}})
    assert world.value("waggle_plugin_cpu_seconds_total") == 3.5


def exits(world):
    """Return how the processes of the only plugin ended, by status."""
    found = world.scrape().all("waggle_plugin_exits_total")
    return {labels["status"]: value for labels, value in found}
