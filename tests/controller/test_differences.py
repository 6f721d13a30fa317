"""``snapshot.since``: what happened between two polls."""

import pytest

from waggle_live_controller import Snapshot, UnknownPlugin, answer

from .conftest import body, plugin, rate, timer


def snapshot(received, *plugins, url="http://node"):
    """Return a snapshot of these plugins."""
    read = answer.read(body(*plugins))
    return Snapshot(url, read.node, read.plugins, received, read.gone)


def detect(count=10, total=100, cpu=3.0, **fields):
    """Return a plugin that has counted so far."""
    timers = [timer(count=count, sum=count * 0.02)]
    rates = [rate(total=total)]
    return plugin("detect", timers=timers, rates=rates, cpu_seconds=cpu, **fields)


def since(before, after, seconds=2.0):
    """Return what the plugin did between two states."""
    return snapshot(5.0 + seconds, after).since(snapshot(5.0, before)).plugins["detect"]


def test_differences_of_counts_and_sums():
    """The mean, the rate and the CPU time a frame are of that time and no other."""
    difference = snapshot(7.0, detect(40, 160, 3.6)).since(snapshot(5.0, detect(10, 100, 3.0)))
    assert difference.seconds == 2.0
    found = difference.plugins["detect"]
    read = found.timers["inference"]
    assert (read.count, read.failures) == (30, 0)
    assert read.sum == pytest.approx(0.6) and read.mean == pytest.approx(0.02)
    fps = found.rates["fps"]
    assert (fps.events, fps.per_second) == (60, 30.0)
    assert found.cpu_seconds == pytest.approx(0.6) and fps.cpu == pytest.approx(0.01)


def test_nothing_happened():
    """No event is a rate of 0, and neither a mean nor a CPU time a frame."""
    found = since(detect(), detect())
    assert (found.timers["inference"].count, found.timers["inference"].mean) == (0, None)
    assert (found.rates["fps"].per_second, found.rates["fps"].cpu) == (0.0, None)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (detect(), detect(40, 160, start=9.0)),
        (detect(), detect(5, 160)),
        (detect(), detect(40, 90)),
        (detect(), detect(40, 160, state="silent")),
        (detect(state="silent"), detect(40, 160)),
        (detect(), detect(40, 160, up=False, state="ended")),
        (plugin("other"), detect()),
    ],
    ids=["restart", "timer fell", "rate fell", "silent", "was silent", "ended", "new"],
)
def test_what_is_not_known_is_none(before, after):
    """Across a restart of either side, of a plugin that isn't heard, and of a new one."""
    found = since(before, after)
    read, fps = found.timers["inference"], found.rates["fps"]
    assert (read.count, read.sum, read.mean, read.failures) == (None, None, None, None)
    assert (fps.events, fps.per_second, fps.cpu, found.cpu_seconds) == (None, None, None, None)


def test_a_new_series_is_not_known_yet():
    """Its plugin's other series are."""
    found = since(plugin("detect", timers=[timer("decode", count=1, sum=1.0)]), detect())
    assert found.timers["inference"].count is None
    more = detect()
    more["timers"] = [*more["timers"], timer("decode", count=3, sum=4.0)]
    found = since(plugin("detect", timers=[timer("decode", count=1, sum=1.0)]), more)
    assert found.timers["decode"].mean == pytest.approx(1.5)


def test_plugins_are_found_as_in_the_snapshot():
    """By the same keys, with the same errors; a snapshot of another node is an error."""
    later = snapshot(7.0, detect(), plugin("other"))
    difference = later.since(snapshot(5.0, detect()))
    assert list(difference.plugins) == list(later.plugins) == ["detect", "other"]
    assert len(difference.plugins) == 2 and "detect" in difference.plugins
    assert difference.plugins.get("none") is None
    with pytest.raises(UnknownPlugin, match="detect"):
        difference.plugins["none"]
    with pytest.raises(ValueError, match="http://elsewhere tells nothing of http://node"):
        later.since(snapshot(5.0, url="http://elsewhere"))
