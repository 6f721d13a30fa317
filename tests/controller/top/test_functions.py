"""The most expensive functions below a plugin's instruments."""

import pytest

from waggle_live_controller.top.view_options import ViewOptions

from ..conftest import function, plugin, sampled, timer
from .test_view import measured, node, text

SEVEN = [
    function("f%d [app.py:%d]" % (n, n), 8.0 - n, calls=n, share=(8 - n) / 40) for n in range(1, 8)
]
OTHER = function("__other__", 12.0, share=0.3)


def words(lines):
    return [line.split() for line in lines]


def test_five_stand_below_the_instruments():
    """Their calls, times and share of the whole, and of which: TAU measured no CPU time here.
    ``__other__`` is no function and has no line."""
    timers = [timer(failures=0)]
    drawn = text(node(plugin(timers=timers, functions=[*SEVEN, OTHER])))
    assert measured(drawn) == [
        "inference             timer       10      \u2013  10.0 ms  10.0 ms  20.0 ms   0.5 s",
        "function (tau)                 calls  exclusive  inclusive  of wall",
        "f1 [app.py:1]                      1     7.00 s     7.00 s   17.5 %",
        "f2 [app.py:2]                      2     6.00 s     6.00 s   15.0 %",
        "f3 [app.py:3]                      3     5.00 s     5.00 s   12.5 %",
        "f4 [app.py:4]                      4     4.00 s     4.00 s   10.0 %",
        "f5 [app.py:5]                      5     3.00 s     3.00 s    7.5 %",
    ]


@pytest.mark.parametrize("functions", [[], [OTHER]])
def test_nothing_stands_there_without_any(functions):
    """No title either."""
    drawn = text(node(plugin(timers=[timer()], functions=functions)))
    assert len(drawn) == 8 and drawn[5].startswith("inference")


def test_the_sampler_knows_the_work_and_no_calls():
    """Shares are of CPU time then; what isn't known of one function is a dash."""
    some = [sampled("f", 0.03, 0.75, exclusive=2.0, inclusive=3.0)]
    some += [sampled("g", 0.01, 0.25, inclusive=None)]
    assert words(measured(text(node(plugin(functions=some))))) == [
        ["function", "(sampler)", "CPU", "exclusive", "inclusive", "share"],
        ["f", "30.0", "ms", "2.00", "s", "3.00", "s", "75.0", "%"],
        ["g", "10.0", "ms", "1.00", "s", "\u2013", "25.0", "%"],
    ]


def test_each_profiler_has_a_list_of_its_own():
    """Five of each at most."""
    some = [*SEVEN, OTHER, *[sampled("f%d" % number) for number in range(7)]]
    drawn = words(measured(text(node(plugin(functions=some)))))
    assert [line[0] for line in drawn] == [
        *("function", "f1", "f2", "f3", "f4", "f5"),
        *("function", "f0", "f1", "f2", "f3", "f4"),
    ]
    assert (drawn[0][1], drawn[6][1]) == ("(tau)", "(sampler)")


def test_what_tau_has_throttled_is_marked():
    """Its time is wrong, not only less."""
    drawn = measured(text(node(plugin(functions=[function("f [a.py:1]", throttled=True)]))))
    assert drawn[-1].startswith("f [a.py:1] (throttled)  ")


def test_of_an_older_collector_there_are_no_shares():
    """Its functions stand in its order."""
    old = {"name": "f", "calls": 20, "exclusive": 1, "inclusive": 2}
    assert words(measured(text(node(plugin(functions=[old]))))) == [
        ["function", "(tau)", "calls", "exclusive", "inclusive"],
        ["f", "20", "1.00", "s", "2.00", "s"],
    ]


@pytest.mark.parametrize("width", [80, 96, 160])
def test_names_have_what_the_numbers_leave_on_a_terminal(width):
    """They take no room of the curves, and fit; without a terminal most are whole."""
    long = plugin(timers=[timer()], functions=[function("n" * 256, share=1)])
    drawn = text(node(long), width=width, trend=True)
    assert drawn[0] == text(node(plugin(timers=[timer()])), width=width, trend=True)[0]
    assert "…" in drawn[-1] and drawn[-1].endswith("100.0 %") and len(drawn[-1]) < width
    assert drawn[-1].index("…") >= 15
    assert text(node(long))[-1].startswith("n" * 30 + "…" + "n" * 29 + "  ")
    assert text(node(plugin(functions=[function("n" * 60)])))[-1].startswith("n" * 60 + "  ")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("infer [app.py:4]", "infer [app.py:4]"),
        ("the_very_long_name_of_a_method [app.py:3]", "the_very_long_na…thod [app.py:3]"),
        ("a_very_long_name [a/__init__.py:1234]", "a_very_long_name…init__.py:1234]"),
        ("make_set_of_many_things [set.c:95742]", "make_set_of_many…s [set.c:95742]"),
        ("a_name_of_no_place", "a_name_of_no_place"),
        ("operator[] (int, char const *, long)", "operator[] (int,… const *, long)"),
    ],
)
def test_the_place_of_a_function_is_not_what_is_cut(name, shown):
    """The middle of the name is."""
    drawn = text(node(plugin(timers=[timer()], functions=[function(name)])), width=80, trend=True)
    assert drawn[-1].startswith(shown + "  ")


def test_many_calls_stand_below_their_title():
    """The column is as wide as the longest number in it."""
    drawn = text(node(plugin(timers=[timer()], functions=[function("f", calls=123456789)])))
    ends = [drawn[2].index("count") + 5, drawn[5].index(" 10 ") + 3]
    assert ends == [drawn[8].index("calls") + 5, drawn[9].index("123456789") + 9]


@pytest.mark.parametrize(
    ("only", "expected"),
    [("detect", ["f1", "f2", "f3", "f4", "f5"]), ("PY:7", ["f7"]), ("infer", []), ("xyz", None)],
)
def test_a_filter_takes_functions_too(only, expected):
    """Like instruments, and the share stays that of all."""
    shown = node(plugin(timers=[timer()], functions=SEVEN))
    drawn = text(shown, options=ViewOptions(filter=only))
    found = [line for line in drawn if "[app.py" in line]
    assert [line.split()[0] for line in found] == (expected or [])
    assert ("nothing with" in drawn[-1]) == (expected is None)
    if only == "PY:7":
        assert found[0].endswith("2.5 %")


def test_a_function_s_name_can_not_command_the_terminal():
    """Neither by an escape nor by markup of rich's."""
    drawn = text(node(plugin(functions=[function("\x1b[2J[red]\x07")])))[-1]
    assert "\x1b" not in drawn and "\x07" not in drawn and "[red]" in drawn
