"""The rows of what a plugin publishes and uses."""

import re

import pytest

from waggle_live_controller.top import figures
from waggle_live_controller.top.history import History
from waggle_live_controller.top.view_options import ViewOptions

from ..conftest import plugin, rate, timer
from .test_view import DETECT, measured, node, text


def test_a_plugin_without_an_instrument_shows_its_process_alone():
    """What isn't known is a dash, and never 0; an older collector tells less."""
    assert measured(text(node(plugin()))) == []
    assert [line.split() for line in text(node(plugin()))[5:]] == [
        ["CPU", "process", figures.NOTHING, "0.2", "s"],
        ["memory", "process", figures.NOTHING, "0.2", "s"],
    ]
    ended = dict(
        DETECT, state="ended", up=False, sessions=0, cpu_per_second=None, memory_bytes=None
    )
    drawn = text(node(dict(ended, messages_per_second={"inference": None})))
    assert [line.split()[4] for line in drawn if "published" in line] == ["\u2013"] * 2
    assert "process," not in drawn[4]
    older = text(node(plugin(messages={"a": 3}, uploads=1)))
    assert older[5].split() == ["a", "published", "message", "3", "\u2013", "\u2013"]
    assert older[6].split() == ["uploads", "upload", "1", "\u2013", "\u2013"]


def test_messages_and_the_process_have_curves():
    """Their rates, the share of a core, and the memory, poll by poll."""
    history = History()
    for at, rise in enumerate((1, 2, 4)):
        fields = {
            "messages": {"a": 9},
            "messages_per_second": {"a": rise},
            "cpu_per_second": rise / 10,
            "memory_bytes": rise * 1e6,
        }
        drawn = text(node(plugin(**fields), history=history, at=5.0 * at), trend=True)
    assert [re.search("  +([▁-█]+)  ", line).group(1) for line in drawn[5:]] == ["▁▃█"] * 3
    assert [re.split("  +", line)[-1] for line in drawn[5:]] == [
        "1.0 … 4.0",
        "10 % … 40 %",
        "1 MB … 4 MB",
    ]


def test_a_timer_s_cost_is_a_share_of_a_core_and_of_the_frame():
    """How often times how long; how long times how many frames, of the rate of most events."""
    history = History()
    rates = [rate("fps", 25.0), rate("snapshots", 1.0)]
    for at, count in ((100.0, 10), (102.0, 110)):
        timers = [timer(mean=0.01, count=count)]
        drawn = text(node(plugin(rates=rates, timers=timers), history=history, at=at))
    assert drawn[2].split()[-5:] == ["last", "busy", "frame", "failed", "age"]
    inference = next(line for line in drawn if line.startswith("inference"))
    assert re.search(r" 50 %  +25 %  +1  +0.5 s$", inference)


def test_a_timer_of_a_day_takes_no_more_than_a_thread():
    """Of a block only the ten seconds count in which it ended."""
    history = History()
    for at, count in ((100.0, 0), (110.0, 1)):
        timers = [timer(mean=86400.0, count=count)]
        drawn = text(node(plugin(timers=timers), history=history, at=at))
    inference = next(line for line in drawn if line.startswith("inference"))
    assert "  100 %  " in inference


def test_a_constant_rate_is_a_level_curve():
    """The node's history has three digits of it, and each poll all of them."""
    history, steady = History(), plugin(rates=[rate("fps", 29.9734)])
    first = node(steady, history=history, at=100.0)
    (row,) = [row for row in first.blocks[0].rows if row.name == "fps"]
    history.add_past(row.key, 100.0, [30.0] * 6)
    drawn = text(node(steady, history=history, at=105.0), trend=True)
    fps = next(line for line in drawn if line.startswith("fps"))
    assert re.search("[▁-█]+", fps).group() == "▄" * 8


def names(options, *plugins):
    drawn = text(node(*plugins), options=options)[4:]
    found = [line.split("  ")[0].split(":")[0] for line in drawn if line]
    return [name for name in found if name not in ("CPU", "memory")]


SLOW = plugin(
    "slow", timers=[timer("a", mean=0.1, age=1), timer("b", mean=0.9, age=2), timer("c", mean=None)]
)
FAST = plugin("fast", timers=[timer("d", mean=0.2, count=99, age=9)])


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("name", ["fast", "d", "slow", "a", "b", "c"]),
        ("mean", ["slow", "b", "a", "c", "fast", "d"]),
        ("count", ["fast", "d", "slow", "a", "b", "c"]),
        ("age", ["fast", "d", "slow", "b", "a", "c"]),
    ],
)
def test_sorting_brings_the_largest_up(order, expected):
    """Within a plugin, and of plugins; what is not known stands last."""
    assert names(ViewOptions(order), SLOW, FAST, plugin("a")) == [
        *(["a"] if order == "name" else []),
        *expected,
        *([] if order == "name" else ["a"]),
    ]


@pytest.mark.parametrize(
    ("only", "expected"), [("SLO", ["slow", "a", "b", "c"]), ("d", ["fast", "d"]), ("", None)]
)
def test_a_filter_takes_tasks_and_instruments(only, expected):
    """A plugin's name shows all of it, an instrument's that alone, in whatever case."""
    expected = expected or ["fast", "d", "slow", "a", "b", "c"]
    assert names(ViewOptions(filter=only), SLOW, FAST) == expected
