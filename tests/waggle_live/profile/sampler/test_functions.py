"""The functions that the sampler has met: names, sums, places."""

import gc
import json
import sys

import pytest

from waggle_live.profile.places import DEFAULT_LIMIT
from waggle_live.profile.sampler.functions import DEFAULT_MAX_DEPTH, SampledFunctions
from waggle_live.wire.protocol import OTHER_FUNCTIONS, check_function


def frame_of(name="function", path="/app/main.py", depth=0):
    """Return the frame of a function of that name, in that file, called ``depth`` times deep."""
    found = []
    text = "\n" * 6 + "def %s(depth):\n    %s(depth - 1) if depth else keep(look(0))" % (name, name)
    space = {"keep": found.append, "look": sys._getframe}
    exec(compile(text, path, "exec"), space)
    space[name](depth)
    return found.pop()


def told(functions):
    """Hand over what was counted; return the cells by name."""
    functions.tell()
    cells = [json.loads(state.take()) for state in functions.states()]
    return {cell["name"]: cell for cell in cells}


@pytest.mark.parametrize(
    ("name", "path", "label"),
    [
        ("detect", "/app/main.py", "detect [main.py:7]"),
        ("load", "/usr/lib/python3/models/__init__.py", "load [models/__init__.py:7]"),
        ("f", "a b\n.py", "f [a b .py:7]"),
        ("f", "x" * 300 + ".py", None),
        ("f", "\udc80.py", None),
        ("größe", "é.py", "größe [é.py:7]"),
    ],
)
def test_a_function_is_called_as_tau_calls_it(name, path, label):
    """Its name, the file without its folders, the line of its definition; all valid on the wire."""
    found = SampledFunctions().stack_of(frame_of(name, path))[0].label
    assert label in (None, found)
    assert check_function(found) == found
    found.encode()


def test_functions_of_this_package_are_marked():
    """By its name, so that nobody looks for them in the plugin."""
    path = sys.modules[SampledFunctions.__module__].__file__
    (found, *_) = SampledFunctions().stack_of(frame_of("tell", path))
    assert found.label == "waggle_live.tell [functions.py:7]"


def test_times_of_a_stack():
    """Exclusive and CPU for the innermost, inclusive for each function on it once."""
    functions = SampledFunctions()
    stack = functions.stack_of(frame_of(depth=3))
    assert [each.label for each in stack[:4]] == ["function [main.py:7]"] * 4
    functions.add(stack, 100, 60)
    functions.add(stack[4:], 10, None)
    cells = told(functions)
    assert cells["function [main.py:7]"]["exclusive"] == 100
    assert cells["function [main.py:7]"]["inclusive"] == 100
    assert cells["function [main.py:7]"]["exclusive_cpu"] == 60
    assert cells["function [main.py:7]"]["labels"] == {"profiler": "sampler"}
    caller = cells[stack[4].label]
    assert (caller["exclusive"], caller["inclusive"]) == (10, 110)
    assert "exclusive_cpu" not in caller


def test_a_deep_stack_is_cut():
    """A sample looks at so many frames, and no more."""
    assert len(SampledFunctions().stack_of(frame_of(depth=500))) == DEFAULT_MAX_DEPTH


def test_places_go_to_the_most_expensive_and_stay():
    """The rest is added up in the others', whose inclusive time means nothing; no sum falls."""
    functions = SampledFunctions()
    stacks = [functions.stack_of(frame_of("f%d" % n))[:1] for n in range(3 * DEFAULT_LIMIT)]
    for number, stack in enumerate(stacks):
        functions.add(stack, 1000 + number, 1000 + number)
    cells = told(functions)
    named = set(cells) - {OTHER_FUNCTIONS}
    assert 0 < len(named) <= DEFAULT_LIMIT
    assert sum(cell["exclusive_cpu"] for cell in cells.values()) == sum(
        1000 + number for number in range(len(stacks))
    )
    assert "inclusive" not in cells[OTHER_FUNCTIONS]
    late = functions.stack_of(frame_of("late"))[:1]
    functions.add(late, 10**9, 10**9)
    later = told(functions)
    assert named < set(later)
    assert later["late [main.py:7]"]["exclusive"] == 10**9
    for name, cell in cells.items():
        assert later[name]["exclusive"] >= cell["exclusive"]


def test_a_start_leaves_places():
    """However large the share of its functions was at first."""
    functions = SampledFunctions()
    for number in range(2 * DEFAULT_LIMIT):
        functions.add(functions.stack_of(frame_of("f%d" % number))[:1], 10**8, 10**8)
        functions.tell()
    assert len(told(functions)) <= DEFAULT_LIMIT // 2 + 1
    functions.add(functions.stack_of(frame_of("late"))[:1], 10**9, 10**9)
    assert "late [main.py:7]" in told(functions)


def test_codes_that_come_and_go_take_bounded_memory():
    """A program that compiles without end: none is mistaken for another, and none is kept."""
    functions = SampledFunctions()
    for number in range(10000):
        frame = frame_of("f%d" % number)
        assert functions.stack_of(frame)[0].label in ("f%d [main.py:7]" % number, OTHER_FUNCTIONS)
        del frame
    assert len(functions._codes) <= 8192
    assert len(functions._functions) <= 4096
    gc.collect()


def test_one_that_is_refused_counts_with_the_others():
    """What it had told before goes there, too."""
    functions = SampledFunctions()
    stack = functions.stack_of(frame_of())[:1]
    functions.add(stack, 100, 50)
    functions.tell()
    state = functions.states()[0]
    assert json.loads(state.take())["exclusive"] == 100
    functions.fold_away(state)
    functions.add(stack, 11, None)
    functions.tell()
    assert state.take() == ""
    other = json.loads(functions.states()[-1].take())
    assert (other["name"], other["exclusive"], other["exclusive_cpu"]) == (OTHER_FUNCTIONS, 111, 50)
    functions.fold_away(functions.states()[-1])  # which has no other place
    assert functions.states()[-1].into is None
