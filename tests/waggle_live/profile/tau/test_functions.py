"""Which functions are shown, and that the sums stay TAU's own."""

import random
import re

import pytest

from waggle_live.profile.tau import rows
from waggle_live.profile.tau.directory import CPU_TIME, TIME, Directory, Reading
from waggle_live.profile.tau.functions import CALLS, EXCLUSIVE, EXCLUSIVE_CPU, Functions
from waggle_live.profile.tau.profile import Profile, Run
from waggle_live.wire.protocol import IDLE_FUNCTIONS, OTHER_FUNCTIONS

from .recorded import FILES, PROFILES, by_metric

pytestmark = pytest.mark.oldest_and_newest

SUMS_ALONE = {OTHER_FUNCTIONS, IDLE_FUNCTIONS}


def reading(functions, has_ended=False, thread="0.0", metric=TIME):
    """Return readings; ``functions`` maps names to (calls, exclusive) or one more, inclusive."""
    full = {}
    for name, values in functions.items():
        full[name.encode()] = (*values, values[-1])[:3]
    return [Reading(Profile(metric, Run("1", "1"), has_ended, "", []), thread, 0.0, full)]


def shown(functions, column=EXCLUSIVE):
    """Return one number of each function that is shown."""
    return {label: total[column] or 0 for label, total in functions.sums.items()}


DIRECTORIES = sorted({re.sub(r"(/MULTI__\w+)?/[^/]*\Z", "", name) for name in FILES})


@pytest.mark.parametrize("name", DIRECTORIES)
@pytest.mark.parametrize("limit", [1, 5, 50])
def test_all_sums_together_are_taus(name, limit):
    """Of each recorded profile, whatever the limit: calls, exclusive and CPU time."""
    found = Directory(str(PROFILES / name)).read()
    functions = Functions(limit)
    functions.read(found)
    for metric, column in ((TIME, EXCLUSIVE), (TIME, CALLS), (CPU_TIME, EXCLUSIVE_CPU)):
        place = 0 if column == CALLS else 1
        total = sum(values[place] for values in by_metric(found).get(metric, {}).values())
        assert sum(shown(functions, column).values()) == total
    assert len(set(functions.sums) - SUMS_ALONE) <= limit
    assert not any("=>" in label or "<frozen" in label for label in functions.sums)


def test_the_most_expensive_are_shown():
    """Of a run that has ended as many as there may be, by exclusive time."""
    found = Directory(str(PROFILES / "01-single-metric")).read()
    functions = Functions()
    functions.read(found)
    assert len(functions.sums) == 52
    named = sorted(set(functions.sums) - SUMS_ALONE, key=shown(functions).get)
    assert named[:-4:-1] == ["taupreload_main", "infer [app.py:4]", "<listcomp> [app.py:3]"]
    assert functions.dropped == 222 - 50 - 3
    least = min(value for label, value in shown(functions).items() if label not in SUMS_ALONE)
    recorded = by_metric(found)[TIME].items()
    named = [v[1] for k, v in recorded if b"<frozen" not in k and not rows.is_idle(k)]
    assert least == sorted(named, reverse=True)[49]


def test_who_is_admitted_later_leaves_what_it_had_in_the_rest():
    """So neither sum falls; who was admitted once stays."""
    functions = Functions(2)
    functions.read(reading({"a": (1, 1000), "b": (1, 1), "c": (1, 5)}))
    assert shown(functions) == {"a": 1000, OTHER_FUNCTIONS: 6}
    functions.read(reading({"a": (1, 1000), "b": (9, 901), "c": (1, 5)}))
    assert shown(functions) == {"a": 1000, "b": 900, OTHER_FUNCTIONS: 6}
    assert shown(functions, CALLS) == {"a": 1, "b": 8, OTHER_FUNCTIONS: 2}
    functions.read(reading({"a": (1, 1000), "b": (9, 901), "c": (5, 99999)}))
    assert shown(functions) == {"a": 1000, "b": 900, OTHER_FUNCTIONS: 100000}
    assert functions.dropped == 2


def test_what_becomes_expensive_late_finds_a_place():
    """The many functions of a start don't take all places while the program runs."""
    functions = Functions()
    start = {"import %d" % i: (1, 1000 + i) for i in range(500)}
    functions.read(reading(start))
    assert len(functions.sums) == 26
    functions.read(reading(dict(start, infer=(100, 10**9), tiny=(1, 1))))
    assert shown(functions)["infer"] == 10**9
    assert "tiny" not in functions.sums
    functions.read(reading(dict(start, infer=(100, 10**9), tiny=(1, 1))), final=True)
    assert len(functions.sums) == 51


def test_five_thousand_functions():
    """Fifty are shown, all are counted."""
    functions = Functions()
    all_of_them = {"f%d" % i: (i, i * 10) for i in range(5000)}
    functions.read(reading(all_of_them, has_ended=True))
    assert set(functions.sums) == {"f%d" % i for i in range(4950, 5000)} | {OTHER_FUNCTIONS}
    assert sum(shown(functions).values()) == sum(value for _, value in all_of_them.values())
    assert functions.dropped == 4949  # one has no time and no calls


def test_nothing_falls_within_a_run():
    """Inclusive times do in TAU's dumps, while a recursive function is on the stack."""
    functions = Functions()
    functions.read(reading({"f": (9, 100, 2210350)}))
    functions.read(reading({"f": (8, 90, 6944)}))
    assert functions.sums["f"][:3] == [9, 100, 2210350]
    functions.read(reading({}))
    assert functions.sums["f"][:3] == [9, 100, 2210350]


def test_a_time_below_zero_takes_nothing_away():
    """TAU's compensation for what measuring costs can come to that; later times count in full."""
    functions = Functions()
    functions.read(reading({"f": (1, 100), "g": (1, -50, -3)}))
    assert [functions.sums[name][:3] for name in "fg"] == [[1, 100, 100], [1, 0, 0]]
    functions.read(reading({"f": (1, -100), "g": (2, 70, 5)}))
    assert [functions.sums[name][:3] for name in "fg"] == [[1, 100, 100], [2, 70, 5]]


def test_random_runs_never_fall_and_always_add_up():
    """Whatever order functions come, grow and fall in."""
    dice = random.Random(7)
    for _ in range(30):
        functions = Functions(dice.choice([1, 2, 5, 50]))
        state, before = {}, {}
        for _ in range(20):
            for _ in range(dice.randrange(10)):
                name = dice.choice(["f%d" % dice.randrange(40), "a => b", "x [{<frozen os>}{1}]"])
                calls, exclusive, inclusive = state.get(name, (0, 0, 0))
                steps = dice.randrange(3), dice.randrange(10 ** dice.randrange(6)), 1
                state[name] = (calls + steps[0], exclusive + steps[1], inclusive + steps[2])
            functions.read(reading(state))
            for label, total in functions.sums.items():
                old = before.get(label, [None] * 4)
                assert all((new or 0) >= (was or 0) for new, was in zip(total, old))
                before[label] = list(total)
            assert sum(shown(functions).values()) == sum(v[1] for v in state.values())
            assert sum(shown(functions, CALLS).values()) == sum(v[0] for v in state.values())


def test_a_throttled_function_goes_on_under_its_name():
    """TAU renames it in the middle of a run; the directory knows it by one key."""
    found = Directory(str(PROFILES / "14-throttle")).read()
    functions = Functions()
    functions.read(found)
    assert functions.sums["tiny [throttle.py:2]"][CALLS] == 100001
    assert functions.throttled == {"tiny [throttle.py:2]"}


def test_only_what_is_included_is_shown():
    """The rest is added up, as all else."""
    functions = Functions(include=re.compile("infer|publish"))
    found = Directory(str(PROFILES / "01-single-metric")).read()
    functions.read(found)
    assert set(functions.sums) == {"infer [app.py:4]", "publish [app.py:13]", *SUMS_ALONE}


def test_functions_of_one_label_are_one():
    """Two files of one name: their sum has the label."""
    functions = Functions()
    names = {"f [{/a/u.py}{1}]": (1, 5), "f [{/b/u.py}{1}]": (2, 6)}
    functions.read(reading(names, has_ended=True))
    assert functions.sums["f [u.py:1]"][:3] == [3, 11, 11]


def test_cpu_time_alone_orders_too():
    """Where TAU measures nothing else."""
    functions = Functions(1)
    functions.read(reading({"a": (1, 1), "b": (1, 9)}, has_ended=True, metric=CPU_TIME))
    assert functions.sums["b"] == [1, None, None, 9]
    assert functions.sums[OTHER_FUNCTIONS] == [1, None, None, 1]


def test_threads_add_up_and_none_of_them_falls():
    """The sum is of each thread's largest values, whichever of them are read at once."""
    functions = Functions()
    first = reading({"f": (1, 100, 500)}) + reading({"f": (2, 30)}, thread="0.1")
    assert functions.read(first) == {"f"}
    assert functions.sums["f"][:3] == [3, 130, 530]
    assert functions.read(reading({"f": (2, 35)}, thread="0.1")) == {"f"}
    assert functions.read(reading({"f": (1, 100, 20)})) == set()
    assert functions.sums["f"][:3] == [3, 135, 535]


def test_waiting_has_no_place_and_no_part_of_all_time():
    """It is added up in one sum from the start; who comes to 1 % of the work gets a place."""
    functions = Functions(2)
    waits = {"sleep": (1, 10**12), "[PTHREAD] x": (1, 10**12), ".TAU application": (1, 1)}
    functions.read(reading(dict(waits, a=(1, 1000), b=(1, 500))))
    assert shown(functions) == {"a": 1000, "b": 500, IDLE_FUNCTIONS: 2 * 10**12 + 1}
    assert functions.dropped == 0
    assert functions.sums[IDLE_FUNCTIONS][2] is None  # inclusive


def test_cpu_time_of_several_threads_is_left_out():
    """TAU counts the CPU of all threads for each: what was told before stays, calls go on."""
    functions = Functions()
    functions.read(reading({"f": (1, 100)}, metric=CPU_TIME))
    functions.read(reading({".TAU application": (1, 9)}, metric=CPU_TIME, thread="0.1"))  # idle
    functions.read(reading({"f": (2, 150)}, metric=CPU_TIME))
    assert not functions.is_cpu_mixed
    functions.read(reading({"f": (3, 400)}, metric=CPU_TIME, thread="0.2"))
    functions.read(reading({"f": (4, 300), "g": (1, 9)}, metric=CPU_TIME), final=True)
    assert functions.is_cpu_mixed
    assert functions.sums["f"] == [7, None, None, 150]
    assert functions.sums["g"][EXCLUSIVE_CPU] is None
