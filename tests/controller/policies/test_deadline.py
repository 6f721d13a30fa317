"""``DeadlinePolicy``, by hand and on a simulated plant."""

import random
import statistics

import pytest

from waggle_live_controller import DeadlinePolicy

from .plant import COSTS, Plant, control

DEADLINE = 0.033
SEEDS = range(20)
#: When the load comes, and when it goes.
COMES, GOES = 10.0, 60.0
#: Changes that a minute may see once the policy has settled.
MOST_CHANGES = 1


def decided(policy, measured, begin=0, samples=30):
    """Feed one measurement a second; return the settings."""
    return [
        policy.decide(begin + now, value, samples).setting for now, value in enumerate(measured)
    ]


def test_it_turns_down_at_once_and_as_far_as_needed():
    """One late period is enough, and the model says which setting will do."""
    assert decided(DeadlinePolicy([1, 2, 4, 8], 0.05), [0.04, 0.1]) == [3, 1]


def test_it_turns_up_a_step_after_three_good_periods():
    """And never where the next setting would be late."""
    policy = DeadlinePolicy([1, 2, 4], 0.05)
    assert decided(policy, [0.2, 0.05, 0.01, 0.01, 0.01]) == [0, 0, 0, 0, 1]
    assert decided(policy, [0.03] * 30, begin=5) == [1] * 30


def test_waiting_is_no_setting_s_fault():
    """What no setting shortens is left out of the slow-down."""
    policy = DeadlinePolicy([1, 8], 0.05, waiting=0.02)
    assert decided(policy, [0.06, 0.022, 0.022, 0.022]) == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ("measured", "samples"), [(None, 30), (None, 0), (9.0, 9), (float("nan"), 30)]
)
def test_nothing_is_decided_by_nothing(measured, samples):
    """On no number, on silence and on fewer than ten samples; nor is a lease renewed then."""
    policy = DeadlinePolicy([1, 2], 0.05)
    decision = policy.decide(0.0, measured, samples)
    assert (decision.setting, decision.changed, decision.fresh) == (1, False, False)


def test_a_change_has_its_time_to_show():
    """Nothing is decided before ``settle`` and one period are over."""
    policy = DeadlinePolicy([1, 2, 4], 0.05, settle=3.0)
    assert decided(policy, [0.06, 0.06, 0.06, 0.06, 0.06]) == [1, 1, 1, 1, 0]


def test_a_step_up_that_fails_is_tried_ever_more_rarely():
    """The pause doubles up to a minute, and is short again once a step up was right."""
    policy, now, raised, setting = DeadlinePolicy([1, 1.5], 0.05), 0, [], 1
    while now < 400:
        # Costs that are wrong: the model says that the dearer setting would do.
        decision = policy.decide(now, 0.02 if setting == 0 else 0.06, 30)
        if decision.changed and decision.setting == 1:
            raised.append(now)
        setting, now = decision.setting, now + 1
    pauses = [b - a for a, b in zip(raised, raised[1:])]
    assert pauses[:4] == sorted(pauses[:4]) and pauses[0] < 10
    assert all(60 <= pause <= 63 for pause in pauses[5:]) and len(pauses) > 5
    assert decided(policy, [0.02] * 70, begin=400)[-1] == 1
    assert decided(policy, [0.02] * 40, begin=470)[-1] == 1
    assert decided(policy, [0.06, 0.02, 0.02, 0.02], begin=510) == [0, 0, 0, 1]


@pytest.mark.parametrize(
    "wrong",
    [
        ([], 0.05, {}),
        ([2, 1], 0.05, {}),
        ([0, 1], 0.05, {}),
        ([1, 2], 0, {}),
        ([1, 2], float("nan"), {}),
        ([1, 2], 0.05, {"period": 0}),
        ([1, 2], 0.05, {"settle": -1}),
        ([1, 2], 0.05, {"waiting": 0.05}),
    ],
)
def test_bad_arguments_are_errors_at_the_call(wrong):
    """No policy is made of them."""
    costs, deadline, more = wrong
    with pytest.raises(ValueError, match=r"costs|deadline"):
        DeadlinePolicy(costs, deadline, **more)


def test_a_plugin_that_has_become_slow_is_not_waited_for():
    """One frame of 1 s is late, with nine of the decision before: these are ten samples."""
    policy = DeadlinePolicy([1, 2, 40], 0.1)
    assert not policy.decide(0.0, 1.0, 1).fresh
    assert policy.decide(1.0, 0.05, 20).setting == 2
    assert policy.decide(2.0, 1.0, 1).setting == 1


def test_a_miss_by_chance_changes_nothing():
    """A miss by little counts when it is the second in a row, or the first measurement."""
    policy = DeadlinePolicy([1, 2], 0.05)
    assert decided(policy, [0.045, 0.052, 0.045, 0.051, 0.051]) == [1, 1, 1, 1, 0]
    assert decided(DeadlinePolicy([1, 2], 0.05), [0.051]) == [0]


def test_frames_of_the_setting_before_count_for_nothing():
    """Two slow ones that were under way make the first mean after a change no miss."""
    policy = DeadlinePolicy([1, 2, 8], 0.05)
    policy.decide(0.0, 0.16, 10)
    assert policy.decide(1.0, 0.055, 15).setting == 1


@pytest.mark.parametrize("deadline", [0.052, 0.054, 0.056, 0.058])
def test_a_deadline_near_what_a_setting_takes_makes_no_flutter(deadline):
    """At most one change a minute in five, where the dearest setting takes 90 to 97 % of it."""
    for seed in SEEDS:
        plant = Plant(seed, lambda now: 1.0)
        changes = control(plant, DeadlinePolicy(COSTS, deadline), seconds=300.0)
        assert len(changes) <= 1


@pytest.mark.parametrize("deadline", [0.058, 0.06])
def test_what_met_the_deadline_before_the_load_is_back_after_it(deadline):
    """Though it takes 84 to 87 % of it, which is too much for a step up elsewhere."""
    back = []
    for plant, changes in runs(8.0, deadline=deadline):
        back.append(max(now for now, _ in changes) - GOES)
        assert plant.setting == len(COSTS) - 1
    assert statistics.median(back) <= 10.0 and max(back) <= 12.0


def runs(load, *, window=None, seconds=120.0, deadline=DEADLINE, patient=True):
    """Return the changes of a run for each seed, polls at any phase of the load."""
    found = []
    for seed in SEEDS:
        plant = Plant(seed, lambda now: load if COMES <= now < GOES else 1.0)
        phase = random.Random(seed).random()
        policy = DeadlinePolicy(COSTS, deadline)
        changes = control(
            plant, policy, seconds=seconds, window=window, phase=phase, patient=patient
        )
        found.append((plant, changes))
    return found


def settled(changes):
    """Return when the last change that the coming load led to was made, in seconds after it."""
    return max((now - COMES for now, _ in changes if COMES <= now < GOES), default=0.0)


def changes_a_minute(changes):
    """Return the most changes in any minute that begins 20 s after a change of the load."""
    quiet = [(20.0 + COMES, GOES), (20.0 + GOES, 120.0)]
    return max(sum(begin <= now < end for now, _ in changes) for begin, end in quiet)


def holds(found):
    """Do the runs meet what the design promises?"""
    times = [settled(changes) for _, changes in found]
    return (
        statistics.median(times) <= 2.1
        and max(times) <= 4.0
        and max(changes_a_minute(changes) for _, changes in found) <= MOST_CHANGES
    )


@pytest.mark.parametrize("patient", [True, False])
@pytest.mark.parametrize(
    ("load", "deadline"),
    [
        *((load, 0.033) for load in (2.0, 3.0, 4.0, 5.0, 8.0, 20.0)),
        *((20.0, deadline) for deadline in (0.04, 0.05, 0.056)),
        *[(3.0, 0.02), (3.0, 0.056), (4.0, 0.1)],
    ],
)
def test_it_settles_at_once_and_stays(load, deadline, patient):
    """Within two periods as a rule and four at most, and then it leaves things alone; at the
    setting that does, or the cheapest one."""
    found = runs(load, deadline=deadline, patient=patient)
    assert holds(found)
    for _, changes in found:
        setting = next(s for now, s in reversed(changes) if now < GOES)
        assert setting == 0 or COSTS[setting] * load <= deadline


@pytest.mark.parametrize("load", [2.0, 3.0])
def test_means_of_ten_seconds_can_not_be_controlled_on(load):
    """The negative control: by them the same policy fails the same test."""
    assert not holds(runs(load, window=10.0))


@pytest.mark.parametrize("load", [2.0, 5.0, 20.0])
def test_it_is_back_within_ten_seconds(load):
    """Once the load is gone, the setting is what it was, however long the overload was."""
    for _, changes in runs(load):
        before = next((s for now, s in reversed(changes) if now < COMES), len(COSTS) - 1)
        assert changes[-1][1] == before
        assert max(now for now, _ in changes) <= GOES + 10.0


@pytest.mark.parametrize("load", [1.4, 2.0, 4.0])
def test_a_knob_that_does_nothing_is_put_back(load):
    """Within six periods, and not touched for a minute: against somebody else's load it is no use
    to slow oneself down."""
    for seed in SEEDS:
        plant = Plant(seed, lambda now: load, effective=False)
        changes = control(plant, DeadlinePolicy(COSTS, 0.06), seconds=80.0)
        begin = changes[0][0]
        restored = next(now for now, setting in changes if setting == len(COSTS) - 1)
        assert restored - begin <= 6.0
        assert not [now for now, _ in changes if restored < now < restored + 59.0]


def test_what_was_put_back_wrongly_is_turned_down_again():
    """A load that grew just as a knob was turned down hides what that gained; putting it back shows
    it."""
    policy = DeadlinePolicy([1, 20], 0.05)
    # The first period is half without load: 60 ms stand for 1 s, and turning down seems useless.
    settings = decided(policy, [0.06, 0.054, 0.054, 0.054, 0.054, 1.0, 0.054])
    assert settings == [0, 0, 0, 0, 1, 0, 0]
