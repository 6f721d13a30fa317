"""The JSON as it is read: what is unknown stays unknown, and what is wrong is told."""

import json

import pytest

from waggle_live_controller import (
    AmbiguousPlugin,
    ControllerError,
    PluginIdentity,
    UnknownPlugin,
    UnknownSeries,
)
from waggle_live_controller.answer import read

from .conftest import body, function, plugin, rate, timer


def plugins(*given):
    return read(body(*given)).plugins


def test_every_figure_has_its_place():
    """Identity, state, and each kind of series with its fields."""
    gauge = {"name": "cars", "labels": {}, "age": 2, "value": -1.5}
    counter = {"name": "frames", "labels": {}, "age": 3, "total": 7}
    answer = read(
        body(
            plugin(
                timers=[timer()],
                rates=[rate()],
                gauges=[gauge],
                counters=[counter],
                cpu_per_second=0.25,
                memory_bytes=7,
                memory_scope="container",
                messages={"a.b": 1},
                messages_per_second={"a.b": 0.5},
                messages_age={"a.b": 2},
                uploads=3,
                uploads_per_second=0,
                uploads_age=4.5,
            )
        )
    )
    assert answer.node == ("n", "W000")
    one = answer.plugins["detect"]
    assert one.identity == PluginIdentity("yolo", "detect", "")
    assert (one.up, one.sessions, one.silent, one.cpu_seconds) == (True, 1, 0.2, 3.0)
    inference = one.timers["inference"]
    assert (inference.last, inference.mean, inference.p50, inference.age) == (0.02, 0.01, 0.01, 0.5)
    assert (inference.count, inference.sum, inference.failures) == (10, 0.1, 1)
    fps = one.rates["fps"]
    assert (fps.per_second, fps.total, fps.age, fps.last) == (25.0, 100, 0.1, 24.0)
    assert (one.gauges["cars"].value, one.counters["frames"].total) == (-1.5, 7)
    assert (one.cpu_per_second, one.memory_bytes, one.memory_scope) == (0.25, 7, "container")
    assert (one.messages, one.messages_per_second) == ({"a.b": 1}, {"a.b": 0.5})
    assert (one.messages_age, one.uploads) == ({"a.b": 2}, 3)
    assert (one.uploads_per_second, one.uploads_age) == (0, 4.5)


def test_what_is_null_is_none():
    """Nothing in the last 10 s, NaN, never updated: None, which no comparison takes for 0."""
    quiet = timer(mean=None, last=None, age=None)
    nan = {"name": "g", "labels": {}, "age": 0, "value": None}
    one = plugins(plugin(timers=[quiet], gauges=[nan]))["detect"]
    inference = one.timers["inference"]
    assert (inference.mean, inference.p95, inference.last, inference.age) == (None,) * 4
    assert one.gauges["g"].value is None
    with pytest.raises(TypeError):
        assert inference.mean < 1


@pytest.mark.parametrize(
    ("fields", "heard"),
    [
        ({}, True),
        ({"silent": 9.0}, True),
        ({"state": "silent"}, False),
        ({"state": "silent", "up": False}, False),
        ({"up": False}, False),
        ({"up": False, "state": None}, False),
        ({"silent": 9.0, "state": None}, True),
        ({"state": "a word of later"}, False),
    ],
)
def test_no_rate_of_whom_nobody_hears(fields, heard):
    """The collector's state decides; 0 per second is said of a plugin that is up alone. An older
    collector has no word, and says whether it is connected."""
    one = plugins(plugin(rates=[rate(per_second=0.0)], **fields))["detect"]
    assert one.heard == heard
    assert one.rates["fps"].per_second == (0.0 if heard else None)
    assert one.rates["fps"].total == 100


def test_state_and_status_are_the_collector_s_words():
    """Both are None of one that doesn't tell them."""
    killed = plugins(plugin(up=False, status="lost"))["detect"]
    assert (killed.state, killed.status) == ("ended", "lost")
    older = plugin()
    del older["state"], older["status"]
    one = plugins(older)["detect"]
    assert (one.state, one.status, one.heard) == (None, None, True)


def test_plugins_that_have_left_are_known_by_their_ends():
    """By identity, and none of an older collector."""
    gone = {"plugin": "yolo", "plugin_task": "detect", "plugin_job": "7", "state": "gone"}
    gone["exits"] = {"ok": 0, "error": 2}
    answer = read(body(gone=[gone]))
    assert answer.gone == {PluginIdentity("yolo", "detect", "7"): {"ok": 0, "error": 2}}
    assert read(body()).gone == {}


@pytest.mark.parametrize(
    ("fields", "block"),
    [({}, None), ({"block_per_second": None}, None), ({"block_per_second": 40.0}, 40.0)],
)
def test_a_rate_of_blocks_has_a_second_figure(fields, block):
    """Events a second stand beside it; older collectors, and rates that are ticked, have none."""
    fps = plugins(plugin(rates=[rate(per_second=2.0, **fields)]))["detect"].rates["fps"]
    assert (fps.per_second, fps.block_per_second) == (2.0, block)
    gone = plugins(plugin(up=False, rates=[rate(**fields)]))["detect"].rates["fps"]
    assert (gone.per_second, gone.block_per_second) == (None, None)


def test_series_with_labels():
    """Each has a key of its own, by which iteration shows it, and can be asked for by labels."""
    series = [timer(), timer(labels={"model": 'a "b"\\\n'}, count=2), timer("decode")]
    timers = plugins(plugin(timers=series))["detect"].timers
    key = 'inference{model="a \\"b\\"\\\\\\n"}'
    assert list(timers) == ["inference", key, "decode"] and len(timers) == 3
    assert timers[key] is timers.labelled("inference", model='a "b"\\\n')
    assert [each.count for each in timers.named("inference")] == [10, 2]
    assert timers.labelled("inference") is timers["inference"]
    assert timers.named("none") == ()
    assert timers.get("none") is None


def test_a_series_that_is_not_there_is_an_error():
    """It says what there is, so that one with labels is not missed."""
    timers = plugins(plugin(timers=[timer(labels={"model": "a"})]))["detect"].timers
    with pytest.raises(UnknownSeries) as caught:
        timers["inference"]
    assert str(caught.value) == 'no timer inference; there are: inference{model="a"}'
    assert isinstance(caught.value, KeyError) and isinstance(caught.value, ControllerError)


def test_a_plugin_that_is_not_there_is_an_error():
    """It says who is there."""
    with pytest.raises(UnknownPlugin) as caught:
        plugins(plugin("a"), plugin("b", up=False))["c"]
    assert str(caught.value) == "no plugin with the task c; there are: a, b"
    assert isinstance(caught.value, KeyError)
    assert "c" not in plugins(plugin("a"))


def jobs(*ups):
    return [plugin(up=up, plugin_job=str(job)) for job, up in enumerate(ups)]


def test_of_two_with_one_task_the_one_that_is_up_counts():
    """The other has a key with all of its identity; none hides another."""
    both = plugins(*jobs(False, True))
    assert both["detect"].identity.job == "1"
    assert sorted(both) == ["detect", 'detect{job="0",plugin="yolo"}'] and len(both) == 2
    assert both['detect{job="0",plugin="yolo"}'].identity.job == "0"
    assert {each.identity.job for each in both.values()} == {"0", "1"}


@pytest.mark.parametrize("ups", [(True, True), (False, False), (True, True, False)])
def test_two_with_one_task_that_are_equally_up_are_an_error(ups):
    """Neither by [] nor by get() is one of them taken for the other."""
    several = plugins(*jobs(*ups))
    assert len(several) == len(list(several)) == len(ups)
    assert "detect" in several and "detect" not in list(several)
    for ask in (several.__getitem__, several.get):
        with pytest.raises(AmbiguousPlugin) as caught:
            ask("detect")
    assert 'detect{job="0",plugin="yolo"} or detect{job="1",plugin="yolo"}' in str(caught.value)
    assert not isinstance(caught.value, KeyError)


def test_a_task_that_is_written_like_a_key_hides_nobody():
    """Whoever names a task so can't take the place of another plugin."""
    bad = 'detect{job="0",plugin="yolo"}'
    all_of_them = plugins(*jobs(True, True), plugin(bad))
    assert len(all_of_them) == 3
    assert all_of_them[bad].identity == PluginIdentity("yolo", "detect", "0")
    assert {each.identity.task for each in all_of_them.values()} == {"detect", bad}


def test_what_is_new_is_let_go_and_what_is_missing_unknown():
    """Collectors and controllers are upgraded apart."""
    older = plugin(timers=[timer(new=[1])], brand_new={})
    del older["silent"], older["messages"], older["timers"][0]["p99"]
    answer = read(json.dumps({"plugins": [older], "more": 1}).encode())
    one = answer.plugins["detect"]
    assert (one.silent, one.messages, one.timers["inference"].p99) == (None, {}, None)
    assert answer.node == ("", "")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>",
        b"\xff",
        b"[]",
        b"{}",
        b'{"plugins": 1}',
        b'{"plugins": [1]}',
        b"[" * 100000,
        body(plugin(up=1)),
        body(plugin(up=None)),
        body(plugin(sessions=None)),
        body(plugin(timers=[timer(count=1.5)])),
        body(plugin(timers=[timer(count=True)])),
        body(plugin(timers=[timer(mean="0.1")])),
        body(plugin(timers=[timer(mean=float("nan"))])),
        body(plugin(timers=[timer(labels=None)])),
        body(plugin(timers=[timer(labels={"a": 1})])),
        body(plugin(plugin_task=3)),
        body(plugin(rates=[rate(block_per_second="1")])),
        body(plugin(functions=1)),
        body(plugin(functions=[function(1)])),
        body(plugin(functions=[function("f", "1")])),
        body(plugin(functions=[function("f", calls=1.5)])),
        body(plugin(functions=[function("f", profiler=1)])),
        body(plugin(functions=[function("f", share="1")])),
        body(plugin(tau=1)),
        body(plugin(state=1)),
        body(plugin(cpu_seconds=10**400)),
        body(plugin(sessions=10**400)),
        body(gone=[1]),
        body(gone=[{"plugin": "a", "exits": {"ok": "1"}}]),
        body(plugin(tau={"last_dump": 1, "dropped": None, "torn": 0})),
        body(node=3),
    ],
)
def test_what_is_no_answer_is_an_error(text):
    """A figure of the wrong type is not guessed at."""
    with pytest.raises(ValueError):
        read(text)


@pytest.mark.parametrize("text", [b"[]", b"null", b'"ok"', b"3"])
def test_an_answer_that_is_no_object_is_shown(text):
    """As a captive portal or another program's API may give one."""
    with pytest.raises(ValueError, match="it is "):
        read(text)


def test_they_show_what_is_in_them():
    """At a prompt the keys are to be seen."""
    one = plugins(plugin(timers=[timer()]))
    assert repr(one) == "<plugins: detect>"
    assert repr(one["detect"].timers) == "<timers: inference>"
    assert repr(one["detect"].rates) == "<rates: none>"


def test_a_plugin_of_a_shared_task_is_found_by_its_whole_key_too():
    """The one that is up has the short key in iteration; a task that looks like a key is asked for
    as it is written."""
    odd = plugins(plugin("a{b"))
    assert odd["a{b"].identity.task == "a{b"
    assert list(odd) == ['a{b{job="",plugin="yolo"}']


def test_processes():
    """Each with what is proven of it; none from an older collector."""
    told = {"pid": 7, "pid_verified": True, "started_ticks": 9, "host": "h", "start": 1.5}
    told.update({"container": "c" * 64, "container_verified": True, "state": "up"})
    claimed = {"pid": None, "host": None, "state": "silent"}
    found = read(body(plugin("a", processes=[told, claimed]), plugin("b"), now=7.5, window=2))
    (first, second), older = found.plugins["a"].processes, found.plugins["b"].processes
    assert (first.pid, first.pid_verified, first.started_ticks) == (7, True, 9)
    assert (first.host, first.host_verified, first.start) == ("h", False, 1.5)
    assert (first.container, first.container_verified, first.state) == ("c" * 64, True, "up")
    assert second._replace(state="") == (None, False, None, None, False, None, False, "", None)
    assert older == []
    assert (found.now, found.window) == (7.5, 2)
    assert (read(body()).now, read(body()).window) == (None, None)
    with pytest.raises(ValueError, match="Process has a pid of the wrong type"):
        read(body(plugin("a", processes=[{"pid": "7", "state": "up"}])))
