"""``Watch``: which settings there are, and whether the plugin has the one that is held."""

import pytest

from tests.controller.policies.test_ladder import knob
from waggle_live_controller import Knobs
from waggle_live_controller.service.config import MEAN, Deadline
from waggle_live_controller.service.watch import Watch


def told(value=1080, **fields):
    """Return the knobs of the plugin, with its resolution at a value."""
    fields.update(choices=(360, 720, 1080), cost=(1, 4, 9), value=value, values=(value,))
    return Knobs(True, (knob(**fields),))


@pytest.fixture
def watch():
    """A watch that knows the knob, and holds 360."""
    deadline = Deadline("detect", "inference", MEAN, 0.05, 0.0, ("resolution",), 0, None)
    made = Watch(deadline)
    made.identity = told().knobs[0].identity
    assert made.learn(told())
    made.setting = 0
    return made


def test_a_value_in_quarantine_is_held_no_longer(watch):
    """It begins anew at the default, with the settings that are left."""
    assert watch.learn(told(quarantined=(360,)))
    assert watch.ladder.settings == ({"resolution": 720}, {"resolution": 1080})
    assert watch.applied and watch.entries() == []


def test_a_value_out_of_quarantine_is_a_setting_again(watch):
    """As soon as the knobs are read."""
    watch.learn(told(quarantined=(360,)))
    assert watch.learn(told())
    assert watch.ladder.settings[0] == {"resolution": 360}


def test_without_any_value_left_it_says_so(watch):
    """Nothing is held then."""
    assert watch.learn(told(quarantined=(360, 720)))
    assert watch.ladder is None and watch.entries() == []
    assert watch.problem == "all cheaper values of resolution are pinned or in quarantine"


def test_it_tells_whether_the_plugin_has_the_value(watch):
    """A value may be held back, or be somebody else's. Once it is there a period must pass."""
    found = []
    for now, value in enumerate((360, 1080, 1080, 360, 360)):
        assert not watch.learn(told(value))
        found.append(watch.shows(now, 1.0))
    assert found == [True, False, False, False, True]


def test_a_late_value_settles_first(watch):
    """The author says how long that takes, as to load a model."""
    found = []
    for now, value in enumerate((1080, 360, 360, 360, 360)):
        watch.learn(told(value, settle=2.0))
        found.append(watch.shows(now, 1.0))
    assert found == [False, False, False, False, True]


def test_a_watch_that_waits_reads_the_knobs(watch):
    """Each period, also if it is turned up to the default meanwhile."""
    watch.learn(told(1080))
    watch.setting = 2
    assert watch.entries() == [] and watch.needs_knobs
    watch.learn(told(1080))
    assert not watch.needs_knobs


def test_a_plugin_that_restarts_keeps_what_is_held(watch):
    """For a moment nobody has its knob."""
    held = watch.entries()
    assert not watch.learn(Knobs(True, ()))
    assert not watch.applied and watch.entries() == held
    assert "it has no knob resolution" in watch.problem
    assert not watch.learn(told(360)) and watch.applied
