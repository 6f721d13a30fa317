"""``Ladder``: from knobs to settings."""

import pytest

from waggle_live_controller import KnobReading, Ladder, PluginIdentity


def knob(name="resolution", default=1080, **fields):
    """Return a knob as a collector tells it."""
    whole = dict.fromkeys(KnobReading._fields)
    whole.update(identity=PluginIdentity("yolo", "detect", ""), name=name, default=default)
    whole.update(value=default, type=type(default).__name__, settle=0.0)
    whole.update(source="default", quarantined=())
    return KnobReading(**{**whole, **fields})


def test_choices_go_down_from_the_default():
    """What is dearer than what the author runs is not tried; costs are the author's."""
    ladder = Ladder.of([knob(default=720, choices=(360, 720, 1080), cost=(1, 4, 9))])
    assert ladder.settings == ({"resolution": 360}, {"resolution": 720})
    assert ladder.costs == (0.25, 1.0)
    assert ladder.changed(0) == {"resolution": 360} and ladder.changed(1) == {}


def test_costs_that_nobody_knows_double():
    """So that the policy goes down step by step, and is right soon after."""
    assert Ladder.of([knob(choices=(360, 720, 1080))]).costs == (0.25, 0.5, 1.0)


def test_the_first_knob_is_turned_down_first():
    """Each setting has a value for every knob, and costs multiply."""
    first = knob("model", default="m", choices=("n", "m"), cost=(1, 2))
    second = knob("size", default=2, choices=(1, 2), cost=(1, 4))
    ladder = Ladder.of([first, second])
    assert ladder.settings == (
        {"model": "n", "size": 1},
        {"model": "n", "size": 2},
        {"model": "m", "size": 2},
    )
    assert ladder.costs == (0.125, 0.5, 1.0)


def test_values_that_cannot_be_had_are_left_out():
    """Those in quarantine, and all of a pinned knob. The costs of the others stay."""
    first = knob("model", default="l", choices=("n", "m", "l"), cost=(1, 2, 4), quarantined=("m",))
    second = knob("size", default=2, choices=(1, 2), cost=(1, 4), source="pinned")
    ladder = Ladder.of([first, second])
    assert ladder.settings == ({"model": "n", "size": 2}, {"model": "l", "size": 2})
    assert ladder.costs == (0.25, 1.0)
    with pytest.raises(ValueError, match="size are pinned or in quarantine"):
        Ladder.of([second])


@pytest.mark.parametrize(
    ("fields", "values"),
    [
        ({"default": 16.0, "low": 1.0, "high": 16.0}, [1.0, 2.0, 4.0, 8.0, 16.0]),
        ({"default": 0.5, "low": 0.3, "high": 0.9, "better": "lower"}, [0.9, 0.8, 0.7, 0.6, 0.5]),
        ({"default": 3, "low": 1, "high": 9}, [1, 2, 3]),
        ({"default": 4, "low": 0, "high": 9}, [0, 1, 2, 3, 4]),
        ({"default": True}, [False, True]),
        ({"default": False, "better": "lower"}, [True, False]),
    ],
)
def test_bounds_become_five_settings(fields, values):
    """From the default to the cheap end, and of the knob's own type."""
    ladder = Ladder.of([knob("k", **fields)])
    found = [setting["k"] for setting in ladder.settings]
    assert found == pytest.approx(values)
    assert {type(value) for value in found} == {type(fields["default"])}
    assert list(ladder.costs) == sorted(ladder.costs) and ladder.costs[-1] == 1.0


@pytest.mark.parametrize(
    "fields",
    [
        {"default": 360, "choices": (360, 720)},
        {"default": 1.0, "low": 1.0, "high": 9.0},
        {"default": False},
        {"default": 5},
    ],
)
def test_a_knob_that_is_at_its_cheapest_is_an_error(fields):
    """There is nothing to control with, and the message names the knob."""
    with pytest.raises(ValueError, match="the knob k can't be turned down"):
        Ladder.of([knob("k", **fields)])


@pytest.mark.parametrize(("settings", "costs"), [([], []), ([{}], [1, 2]), ([{}, {}], [2, 1])])
def test_a_ladder_rises(settings, costs):
    """Else no policy could choose."""
    with pytest.raises(ValueError, match=r"ladder|costs"):
        Ladder(settings, costs)
