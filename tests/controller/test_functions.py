"""functions.py: what is known of the functions that a plugin's time goes to."""

import pytest

from waggle_live_controller import Function, Tau

from .conftest import function, plugin, sampled
from .test_answer import plugins


def test_functions_are_in_the_order_of_the_answer():
    """With all that is known, and None for what isn't; TAU's last profile beside them."""
    given = [function("f [a.py:1]", 2.5, share=1), function("__other__", None)]
    given += [sampled("f [a.py:1]", inclusive=7)]
    tau = {"last_dump": 1700.5, "dropped": 3, "torn": 1, "new": 1}
    one = plugins(plugin(functions=given, tau=tau))["detect"]
    assert one.functions == (
        Function("f [a.py:1]", "tau", 20, 2.5, 2.5, None, False, 1.0, "wall"),
        Function("__other__", "tau", 20, None, None, None, False, None, "wall"),
        Function("f [a.py:1]", "sampler", None, 1.0, 7.0, 0.5, False, 0.25, "cpu"),
    )
    assert [each.is_other for each in one.functions] == [False, True, False]
    assert one.tau == Tau(last_dump=1700.5, dropped=3, torn=1)


def test_the_most_expensive_functions_are_told_by_profiler():
    """Never mixed, and ``__other__`` is no function."""
    names = ["a", "b", "c", "__other__"]
    given = [function(name) for name in names] + [sampled(name) for name in names]
    one = plugins(plugin(functions=given))["detect"]
    assert [
        (profiler, [each.name for each in functions])
        for profiler, functions in one.most_expensive(2).items()
    ] == [("tau", ["a", "b"]), ("sampler", ["a", "b"])]
    assert one.most_expensive() == {"tau": [*one.functions[:3]], "sampler": [*one.functions[4:7]]}
    assert plugins(plugin())["detect"].most_expensive() == {}


def test_functions_of_an_older_collector_are_tau_s():
    """It tells no profiler and no shares."""
    old = {"name": "f", "calls": 3, "exclusive": 1.5, "inclusive": 2, "inclusive_cpu": 1}
    one = plugins(plugin(functions=[old]))["detect"]
    assert one.functions == (Function("f", "tau", 3, 1.5, 2.0, None, None, None, None),)


@pytest.mark.parametrize("fields", [{}, {"functions": [], "tau": None}, {"functions": None}])
def test_without_tau_there_are_no_functions(fields):
    """Of a collector that doesn't know them as well."""
    one = plugins(plugin(**fields))["detect"]
    assert (one.functions, one.tau) == ((), None)
