"""Plugins that turn out to be another, or one with another."""

import json
from math import fsum

import pytest

from waggle_live_collector.identity.app_meta import AppMeta
from waggle_live_collector.identity.labels import IdentityLabels

from ..state.test_state_file import counters, reborn, state_of
from ..world import World, counter, gauge, rate, timer

CARS = AppMeta(IdentityLabels("registry/cars", "cars-north", "traffic"), "1.2", "node-1", "core")
PLUGIN = {"plugin": "registry/cars", "plugin_task": "cars-north", "plugin_job": "traffic"}
EARLY = {"plugin": "main", "plugin_task": "main", "plugin_job": "app_id:pod-a"}


def pod(world, process="session-1", app_id="pod-a", **more):
    return world.peer(process, app_id=app_id, plugin="main", **more)


def everything(n):
    """Return a cell of each kind; floats that don't add up without rounding."""
    return (
        counter("c", 0.1 * n, x="1"),
        gauge("g", n),
        rate("r", 5 * n, last=10**9 // n),
        timer("t", {-60: n, 4: 1}, 99 * n, last=7 * n, failures=n),
        {"kind": "messages", "name": "m", "value": n},
        {"kind": "uploads", "value": 2 * n},
        {"kind": "problem", "name": "record_error", "value": 3 * n},
        {
            "kind": "function",
            "name": "f [a.py:1]",
            "calls": n,
            "exclusive": 7 * n,
            "inclusive": 9 * n,
        },
        {"kind": "tau", "dropped": n, "torn": 2 * n},
    )


def report(peer, number, n):
    assert peer.update(number, *everything(n), process={"cpu_seconds": 0.7 * n}) == []


HALF = 2**62


@pytest.mark.parametrize(
    "cell",
    [
        timer("t", {-60: HALF}, 5),
        timer("t", {-60: 1}, HALF),
        timer("t", {-60: 1}, 5, failures=HALF),
        rate("t", HALF),
        {"kind": "messages", "name": "t", "value": HALF},
    ],
)
def test_two_that_are_too_much_together_stay_what_they_were(cell, caplog):
    """A sum that can't be told is not made: the known one goes on, and the log says so."""
    world = World(stack=True)
    world.apps.add("pod-b", CARS)
    known, early = pod(world, "session-2", "pod-b"), pod(world)
    known.update(1, cell, rate("r", 2))
    before = world.scrape()
    early.update(1, cell, rate("r", 3))
    world.resolve("pod-a", CARS)
    for family in ("waggle_timer_seconds_count", "waggle_timer_failures_total"):
        assert total(world, family) == before.sum(family)
    assert total(world, "waggle_rate_events_total", name="r") == 5
    assert f"{cell['kind']} t of" in caplog.text
    assert known.update(2, cell, rate("r", 3)) == early.update(2, cell, rate("r", 4)) == []
    assert total(world, "waggle_rate_events_total", name="r") == 7


def total(world, family, **labels):
    return world.scrape().sum(family, **labels)


def without_identity(shown):
    """Return counters by what doesn't tell whose they are, added up."""
    sums = {}
    for (name, labels), value in shown.items():
        key = name, frozenset(pair for pair in labels if not pair[0].startswith("plugin"))
        sums[key] = sums.get(key, 0) + value
    return sums


def test_what_is_not_known_yet_is_withheld_and_then_shown_by_its_claim():
    """Two seconds at most; until then no line of it, in neither form."""
    world = World(stack=True)
    report(pod(world), 1, 1)
    assert "plugin=" not in world.table_text(openmetrics=False).decode()
    assert b'"plugin"' not in world.json()
    world.time.pass_(1.99)
    assert total(world, "waggle_count_total") == 0
    world.time.pass_(0.02)
    assert world.value("waggle_count_total", name="c", **EARLY) == 0.1
    assert world.value("waggle_collector_identity_unresolved") == 1


def test_all_of_it_moves_in_one_scrape():
    """Ended processes included; nothing is left under the early labels."""
    world = World(stack=True)
    ended = pod(world, "session-2")
    report(ended, 1, 2)
    ended.bye()
    report(pod(world), 1, 1)
    world.time.pass_(3)
    before = counters(world)
    world.resolve("pod-a", CARS)
    after = counters(world)
    assert without_identity(after) == without_identity(before)
    labels = {(dict(pairs)["plugin"], dict(pairs)["plugin_job"]) for _, pairs in after}
    assert labels == {("registry/cars", "traffic")}
    assert world.value("waggle_plugin_exits_total", status="ok", **PLUGIN) == 1
    info = world.scrape().all("waggle_plugin_info")[0][0]
    assert (info["version"], info["zone"], info["host"]) == ("1.2", "core", "node-1")
    assert world.value("waggle_collector_identity_unresolved") == 0
    report(pod(world, "session-3"), 1, 1)  # a later process goes there at once
    assert world.value("waggle_plugin_sessions", **PLUGIN) == 2


@pytest.mark.parametrize("reload", [False, True])
@pytest.mark.parametrize("shown", [False, True])
def test_two_pods_of_one_task_add_up(tmp_path, shown, reload):
    """No counter falls, nothing shows twice, and each goes on being counted right."""
    world = World(stack=True)
    first, second = pod(world), pod(world, "session-2", "pod-b")
    report(first, 1, 3)
    report(second, 1, 4)
    world.resolve("pod-b", CARS)
    world.time.pass_(3 if shown else 1)
    before = counters(world)
    if reload:
        state_of(world, tmp_path / "state").save()
        world = reborn(world, tmp_path / "state", stack=True)
        world.when_saved = lambda call: call(True)
        assert counters(world) == before
        first, second = pod(world), pod(world, "session-2", "pod-b")
    world.resolve("pod-a", CARS)
    after = counters(world)
    for key, value in before.items():
        if ("plugin", "registry/cars") in key[1]:
            assert after[key] >= value
    if shown:
        # Adding up rounds once per series, and twice where there are two.
        assert without_identity(after) == pytest.approx(without_identity(before))
    assert world.value("waggle_count_total", name="c", **PLUGIN) == fsum([0.1 * 3, 0.1 * 4])
    assert world.value("waggle_timer_seconds_count", name="t", **PLUGIN) == 9
    assert world.value("waggle_timer_failures_total", name="t", **PLUGIN) == 7
    assert world.value("waggle_plugin_sessions", **PLUGIN) == 2
    assert world.value("waggle_value", name="g", **PLUGIN) in (3, 4)
    report(first, 2, 5)
    report(second, 2, 6)
    assert world.value("waggle_count_total", name="c", **PLUGIN) == fsum([0.1 * 5, 0.1 * 6])
    assert world.value("waggle_rate_events_total", name="r", **PLUGIN) == 55
    assert world.value("waggle_timer_seconds_sum", name="t", **PLUGIN) == 99 * 11 / 1e9
    assert world.value("waggle_plugin_messages_total", name="m", **PLUGIN) == 11
    assert world.value("waggle_plugin_uploads_total", **PLUGIN) == 22
    assert world.value("waggle_plugin_problems_total", **PLUGIN) == 33
    assert world.value("waggle_function_calls_total", **PLUGIN) == 11
    assert world.value("waggle_function_exclusive_seconds_total", **PLUGIN) == 77 / 1e9
    assert world.value("waggle_tau_torn_reads_total", **PLUGIN) == 22
    assert world.value("waggle_plugin_cpu_seconds_total", **PLUGIN) == pytest.approx(7.7)
    assert world.table.series == sum(len(p.series) for p in world.table.plugins.values()) == 9
    assert world.table.cells == 18
    world.pass_(400)  # both are connected, and the sums hold
    first.bye()
    second.bye()
    assert world.table.cells == 0


def test_recent_values_come_along():
    """The window holds what both counted, as if they had been one."""
    world = World(stack=True)
    first, second = pod(world, monotonic=0.0), pod(world, "session-2", "pod-b", monotonic=0.0)
    for number in range(1, 6):
        world.time.pass_(1)
        first.update(number, timer("t", {0: 2 * number}, 2 * number * 10**9), rate("r", number))
        second.update(number, timer("t", {8: number}, number * 2 * 10**9), rate("r", number))
    world.resolve("pod-b", CARS)
    world.resolve("pod-a", CARS)
    assert world.value("waggle_timer_recent_mean_seconds", **PLUGIN) == pytest.approx(4 / 3)
    assert world.value("waggle_timer_recent_seconds", q="0.5") == pytest.approx(1, rel=0.05)
    assert world.value("waggle_timer_recent_seconds", q="0.95") == pytest.approx(2, rel=0.05)
    assert world.value("waggle_rate_per_second", **PLUGIN) == pytest.approx(2, rel=0.3)
    world.time.pass_(11)
    assert world.value("waggle_rate_per_second", **PLUGIN) == 0
    assert world.value("waggle_timer_recent_mean_seconds") is None


def test_a_lost_process_that_returns_after_the_move_is_counted_once():
    """Its tombstone moves, and is known over a restart as well."""
    world = World(stack=True, hold_time=10)
    keeper = pod(world, "session-2")
    lost = pod(world)
    report(lost, 1, 2)
    lost.close()
    world.pass_(11)
    assert len(world.processes.tombstones.expired) == 1
    report(pod(world, "session-3", "pod-b"), 1, 1)
    world.resolve("pod-b", CARS)
    world.resolve("pod-a", CARS)
    report(pod(world), 2, 3)
    assert world.value("waggle_count_total", name="c", **PLUGIN) == pytest.approx(0.4)
    assert world.value("waggle_plugin_exits_total", status="lost", **PLUGIN) == 1
    keeper.bye()


def test_a_state_file_with_pending_ones_still_resolves(tmp_path):
    """Withheld or shown, as they were; and they move after the restart."""
    world = World(stack=True)
    report(pod(world), 1, 1)
    state_of(world, tmp_path / "state").save()
    again = reborn(world, tmp_path / "state", stack=True)
    assert total(again, "waggle_count_total") == 0
    assert again.table.pending() == {"pod-a"}
    again.time.pass_(2.1)
    assert again.value("waggle_count_total", name="c", **EARLY) == 0.1
    again.resolve("pod-a", CARS)
    assert again.value("waggle_count_total", name="c", **PLUGIN) == 0.1


def test_nobody_can_claim_an_early_identity():
    """So what moves with a pod is that pod's alone."""
    world = World(stack=True)
    (error,) = world.peer(None).hello(plugin="main", job="app_id:pod-a")
    assert error["code"] == "bad_message"


def test_a_plugin_that_left_before_it_was_resolved_still_moves():
    """A process of 50 ms whose record comes late is shown under the right name."""
    world = World(stack=True, hold_time=60)
    peer = pod(world)
    report(peer, 1, 1)
    peer.bye()
    world.pass_(30)
    world.resolve("pod-a", CARS)
    assert world.value("waggle_count_total", name="c", **PLUGIN) == 0.1
    assert world.value("waggle_plugin_up", **PLUGIN) == 0
    world.pass_(31)
    assert total(world, "waggle_count_total") == 0
    assert world.table.series == 0


def test_the_newest_value_of_a_gauge_is_shown_after_the_move():
    """Of a living process, else of the one that ended last."""
    world = World(stack=True)
    first, second = pod(world), pod(world, "session-2", "pod-b")
    second.update(1, gauge("g", 2))
    world.time.pass_(1)
    first.update(1, gauge("g", 1))
    world.resolve("pod-b", CARS)
    world.resolve("pod-a", CARS)
    assert world.value("waggle_value", name="g") == 1
    first.bye()
    assert world.value("waggle_value", name="g") == 2
    second.bye()
    assert world.value("waggle_value", name="g") in (1, 2)


def test_what_is_recent_adds_up():
    """Messages and CPU time of the last ten seconds, of two pods of one plugin."""
    world = World(stack=True)
    pods = [pod(world, f"session-{app}", app, monotonic=0.0) for app in ("pod-a", "pod-b")]
    for second in range(1, 9):
        world.time.pass_(1)
        for peer in pods:
            report(peer, second, second)
    for app in ("pod-a", "pod-b"):
        world.resolve(app, CARS)
    (plugin,) = json.loads(world.json())["plugins"]
    assert plugin["messages_per_second"] == {"m": pytest.approx(2)}
    assert plugin["uploads_per_second"] == pytest.approx(4)
    assert plugin["cpu_per_second"] == pytest.approx(1.4, rel=0.01)
    assert plugin["messages_age"] == {"m": 0}
