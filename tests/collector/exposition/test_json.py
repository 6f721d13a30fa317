"""The JSON says what /metrics says."""

import json

import pytest

from waggle_live_controller.answer import read

from ..world import World, counter, gauge, rate, timer
from .oracle import rich_world


def plugins(world):
    return json.loads(world.json())["plugins"]


def test_the_numbers_are_those_of_the_metrics():
    """Every series of a world with everything in it."""
    world = rich_world()
    scrape = world.scrape()
    for plugin in plugins(world):
        identity = {key: plugin[key] for key in ("plugin", "plugin_task", "plugin_job")}

        def shown(family, identity=identity, **labels):
            found = [
                value
                for have, value in scrape.all(family, **identity, **labels)
                if set(have) == {*identity, *labels}
            ]
            return found[0] if found else None

        assert shown("waggle_plugin_up") == plugin["up"]
        assert shown("waggle_plugin_sessions") == plugin["sessions"]
        assert shown("waggle_plugin_cpu_seconds_total") == plugin["cpu_seconds"]
        assert shown("waggle_plugin_memory_bytes") == plugin["memory_bytes"]
        assert shown("waggle_plugin_uploads_total") == plugin["uploads"]
        for series in plugin["timers"]:
            labels = {"name": series["name"], **series["labels"]}
            assert shown("waggle_timer_seconds_count", **labels) == series["count"]
            assert shown("waggle_timer_seconds_sum", **labels) == series["sum"]
            assert shown("waggle_timer_failures_total", **labels) == series["failures"]
            assert shown("waggle_timer_last_seconds", **labels) == series["last"]
            assert shown("waggle_timer_recent_mean_seconds", **labels) == series["mean"]
            for q, field in (("0.5", "p50"), ("0.95", "p95"), ("0.99", "p99")):
                assert shown("waggle_timer_recent_seconds", q=q, **labels) == series[field]
        for series in plugin["rates"]:
            labels = {"name": series["name"], **series["labels"]}
            assert shown("waggle_rate_events_total", **labels) == series["total"]
            assert shown("waggle_rate_per_second", **labels) == series["per_second"]
            assert shown("waggle_rate_last_per_second", **labels) == series["last"]
        for series in plugin["counters"]:
            labels = {"name": series["name"], **series["labels"]}
            assert shown("waggle_count_total", **labels) == series["total"]


def test_what_is_not_finite_or_not_known_is_null():
    """JSON has no NaN; a quiet timer has no quantiles."""
    world = World()
    world.peer().update(1, gauge("g", "NaN"), gauge("h", "+Inf"), timer("t", {}), rate("r", 1))
    (plugin,) = plugins(world)
    assert [series["value"] for series in plugin["gauges"]] == [None, None]
    assert [plugin["timers"][0][key] for key in ("last", "mean", "p50", "p99")] == [None] * 4
    assert plugin["rates"][0]["last"] is None


def test_ages_are_seconds_since_the_update():
    """By the monotonic clock, the age on arrival included."""
    world = World()
    world.peer().update(1, counter("a", 1, place="x"), gauge("g", 1, age=2.0))
    world.time.pass_(3)
    (plugin,) = plugins(world)
    assert (plugin["counters"][0]["age"], plugin["gauges"][0]["age"]) == (3, 5)
    assert plugin["counters"][0]["labels"] == {"place": "x"}


def test_a_short_window_shows_what_is_now():
    """Mean, quantiles and rates of the last 2 s; totals, and what 10 s show, stay."""
    world = World()
    peer = world.peer(monotonic=0.0)
    for step in range(1, 41):
        world.time.pass_(0.25)
        slow = max(
            step - 30, 0
        )  # 10 frames a second, and 4 in the end, which take ten times as long
        frames, ns = 25 * min(step, 30) // 10 + slow, 10**7 * (25 * min(step, 30) // 10 + 10 * slow)
        peer.update(
            step,
            timer("t", {0: 25 * min(step, 30) // 10, 27: slow}, ns),
            rate("r", frames, sum=ns),
            {"kind": "messages", "name": "m", "value": frames},
            monotonic=step / 4,
        )

    def told(*window):
        (plugin,) = json.loads(b"".join(world.api.plugins(*window)))["plugins"]
        (timed,), (rated,) = plugin["timers"], plugin["rates"]
        return timed, rated, plugin["messages_per_second"]["m"]

    timed, rated, messages = told(2)
    assert (timed["count"], timed["mean"]) == (85, pytest.approx(0.1))
    assert timed["p50"] == timed["p99"] == told()[0]["p99"] > 10 * told()[0]["p50"]
    assert (rated["total"], rated["block_per_second"]) == (85, pytest.approx(10))
    assert rated["per_second"] == pytest.approx(4, abs=0.5)
    assert messages == pytest.approx(4, abs=0.5)
    assert told()[1]["per_second"] > 7
    assert told() == told(10)
    world.time.pass_(1.5)
    peer.update(41)
    world.time.pass_(0.6)
    timed, rated, messages = told(2)
    assert [timed[each] for each in ("mean", "p50", "p95", "p99")] == [None] * 4
    assert (rated["per_second"], rated["block_per_second"], messages) == (0, None, 0)


def test_reading_the_api_does_not_make_the_metrics_stale():
    """A window that slid while the API was read is rendered anew."""
    world = World()
    world.peer(monotonic=0.0).update(1, timer("t", {0: 1}, 5))
    assert world.value("waggle_timer_recent_mean_seconds", name="t") is not None
    world.time.pass_(20)
    plugins(world)
    assert world.value("waggle_timer_recent_mean_seconds", name="t") is None


def test_the_node_and_the_silence_of_a_plugin():
    """Which node it is, and how long a plugin has said nothing, whatever its series' ages."""
    world = World()
    peer = world.peer()
    peer.update(1, counter("a", 1))
    world.time.pass_(3)
    peer.update(2)
    world.time.pass_(1)
    answer = json.loads(world.json())
    assert answer["node"] == {"node_id": "000048B02D0766BE", "vsn": "W023"}
    (plugin,) = answer["plugins"]
    assert (plugin["silent"], plugin["counters"][0]["age"]) == (1, 4)


def test_a_rate_is_known_of_a_plugin_that_is_up_alone():
    """Of a silent and of an ended one it is null, and its total stays."""
    world = World()
    block = rate("blocks", 5, sum=10**9)
    silent = world.peer("session-silent", task="silent", monotonic=0.0)
    ended = world.peer("session-ended", task="ended", monotonic=0.0)
    for peer in (silent, ended):
        peer.update(1, rate("fps", 5), block)

    def told():
        return {
            plugin["plugin_task"]: [
                plugin["state"],
                *((each["per_second"], each["block_per_second"]) for each in plugin["rates"]),
            ]
            for plugin in plugins(world)
        }

    assert told()["silent"][0] == "up"
    assert None not in (told()["silent"][1][0], *told()["silent"][2])
    ended.bye()
    world.pass_(5)
    unknown = [(None, None), (None, None)]
    assert told() == {"silent": ["silent", *unknown], "ended": ["ended", *unknown]}
    assert [each["total"] for each in plugins(world)[0]["rates"]] == [5, 5]


def test_messages_uploads_and_cpu_have_a_recent_rate():
    """Of the last 10 s, and null for a plugin that isn't up; what never was is null too."""
    world = World()
    talks, mute = (
        world.peer(f"session-{task}", task=task, monotonic=0.0) for task in ("talks", "mute")
    )
    for second in range(1, 6):
        world.time.pass_(1)
        for peer in (talks, mute):
            counts = [
                {"kind": "messages", "name": "env.count", "value": 2 * second},
                {"kind": "uploads", "value": second},
            ]
            process = {"cpu_seconds": second / 2, "memory_bytes": 7, "memory_scope": "container"}
            peer.update(second, *counts, process=process)
    world.peer("session-bare", task="bare")
    world.time.pass_(5)
    talks.update(6, process={"cpu_seconds": 2.5})
    told = {plugin["plugin_task"]: plugin for plugin in plugins(world)}
    rates = {
        task: [one[f"{each}_per_second"] for each in ("messages", "uploads", "cpu")]
        for task, one in told.items()
    }
    # 10 messages, 5 uploads and 2.5 s of CPU time in 10 s.
    messages, uploads, cpu = rates["talks"]
    assert messages == {"env.count": pytest.approx(1, abs=0.1)}
    assert (uploads, cpu) == (pytest.approx(0.5, abs=0.05), pytest.approx(0.25, abs=0.03))
    assert rates["mute"] == [{"env.count": None}, None, None]
    assert rates["bare"] == [{}, None, None]
    assert (told["mute"]["state"], told["mute"]["uploads"]) == ("silent", 5)
    assert told["talks"]["messages_age"] == {"env.count": 5}
    assert told["talks"]["uploads_age"] == 5
    assert (told["talks"]["memory_scope"], told["bare"]["memory_scope"]) == ("container", None)
    assert told["bare"]["uploads_age"] is None


def test_the_controller_tells_the_mute_from_the_idle():
    """A plugin that is heard and did nothing has 0 a second; of one that is mute, or gone, nobody
    knows, though /metrics shows a number."""
    world = World()
    peer = world.peer("session-idle", task="idle")
    for task in ("mute", "gone"):
        last = world.peer("session-" + task, task=task)
        last.update(1, rate("fps", 5))
    peer.update(1, rate("fps", 5))
    last.bye()
    world.pass_(11)
    peer.update(12)
    told = read(world.json()).plugins
    assert {task: told[task].rates["fps"].per_second for task in told} == {
        "idle": 0.0,
        "mute": None,
        "gone": None,
    }
    assert [told[task].heard for task in ("idle", "mute", "gone")] == [True, False, False]
    assert (told["mute"].up, told["gone"].up) == (True, False)
    assert world.value("waggle_rate_per_second", plugin_task="mute") == 0


def test_what_cannot_be_told_costs_itself(caplog):
    """A series of a plugin, or what is known of a plugin; each is noted."""
    world = World()
    for name in ("one", "two", "three"):
        cells = [counter(f"c{number}", number) for number in range(600)]
        world.peer("session-" + name, plugin=name).update(1, *cells, timer("t", {0: 1}, 5))
    one, two, _ = world.table.plugins.values()
    list(one.series.values())[3].totals.parts = ["no number"]
    two.cpu = ["no number"]
    told = {plugin["plugin"]: plugin for plugin in plugins(world)}
    assert list(told) == ["one", "three"]
    assert [len(each["counters"]) for each in told.values()] == [599, 600]
    assert [len(each["timers"]) for each in told.values()] == [1, 1]
    assert world.own.errors.labels("exposition")._value.get() == 2
    assert len(caplog.records) == 2


def test_it_is_made_in_pieces():
    """However many series a plugin has, others have their turn after some hundred."""
    world = World()
    world.peer().update(1, *[counter(f"c{number}", number) for number in range(999)])
    pieces = list(world.api.plugins())
    assert max(map(len, pieces)) < sum(map(len, pieces)) * 0.6
