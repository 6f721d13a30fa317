"""What stands in the view, line by line."""

from functools import partial

import pytest
from rich.text import Text

from waggle_live_controller import NodeIdentity, NodeLate, NodeNotReady, NodeUnreachable, Snapshot
from waggle_live_controller.answer import read
from waggle_live_controller.top import figures
from waggle_live_controller.top.history import History
from waggle_live_controller.top.rows import blocks_of
from waggle_live_controller.top.view import Drawn, NodeView, draw, window
from waggle_live_controller.top.view_options import ViewOptions

from ..conftest import body, plugin, rate, timer

URL = "http://node:9090"
NOW = 1000.0


def gauge(name, value, **labels):
    return {"name": name, "labels": labels, "age": 0.1, "value": value}


def counter(name, total, age=0.1, **labels):
    return {"name": name, "labels": labels, "age": age, "total": total}


DETECT = plugin(
    "detect",
    plugin_job="17",
    timers=[timer(mean=0.00312, p95=0.0123, last=0.000178)],
    rates=[rate()],
    gauges=[gauge("movers", 3)],
    counters=[counter("frames", 7, moving="yes")],
    cpu_per_second=0.314,
    memory_bytes=25e6,
    memory_scope="container",
    messages={"inference": 10, "env.count": 3},
    messages_per_second={"inference": 1.0, "env.count": 0.0},
    messages_age={"inference": 0.5, "env.count": 200.0},
    uploads=2,
    uploads_per_second=0.1,
    uploads_age=4.0,
)


def node(*plugins, history=None, at=100.0, silent=0.0):
    """Return the view of a node that answered so, ``silent`` seconds before the view is drawn."""
    answer = read(body(*plugins))
    snapshot = Snapshot(URL, answer.node, answer.plugins, at)
    blocks = blocks_of(snapshot, history or History())
    return NodeView(URL, answer.node, blocks, None, NOW - silent)


BY_NAME = ViewOptions()


def measured(drawn):
    """Return the lines without those of a process."""
    lines = [line for line in drawn if not line.startswith(("CPU", "memory"))]
    return lines[5:]


def text(*nodes, options=BY_NAME, width=None, trend=False, **more):
    drawn = draw(nodes, options, now=NOW, width=width, trend=trend, **more)
    return [line.plain for line in drawn.lines]


def test_each_kind_fills_the_columns_that_it_has():
    """Instruments, what is published, and the process, in this order, under plugin and node."""
    assert text(
        node(dict(DETECT, timers=[timer(failures=0, mean=0.003, p95=0.0123)], rates=[]))
    ) == [
        "http://node:9090 (W000, n)  1 plugin up",
        "",
        "instrument            kind     count  per s     mean      p95     last     age",
        "",
        "detect: up, yolo, job 17, 1 process, 3.0 s of CPU",
        "inference             timer       10      \u2013  3.00 ms  12.3 ms  20.0 ms   0.5 s",
        "movers                gauge                                          3   0.1 s",
        'frames{moving="yes"}  counter      7      \u2013                              0.1 s',
        "env.count published   message      3    0.0                              3 min",
        "inference published   message     10    1.0                              0.5 s",
        "uploads               upload       2    0.1                              4.0 s",
        "CPU                   process                                     31 %   0.2 s",
        "memory (container)    process                                    25 MB   0.2 s",
    ]
    assert text(node(DETECT))[5:7] == [
        "fps                   rate       100   25.0                     24.0/s"
        "                   0.1 s",
        "inference             timer       10      \u2013  3.12 ms  12.3 ms   178 µs"
        "   7.8 %       1   0.5 s",
    ]


def test_sums_have_rates_from_the_second_poll_on():
    """Timers and counters, too; and curves grow to the left."""
    history = History()
    node(DETECT, history=history)
    later = dict(DETECT, counters=[counter("frames", 27, moving="yes")])
    frames = text(node(later, history=history, at=106.0), trend=True)[8]
    assert frames.split() == [
        'frames{moving="yes"}',
        "counter",
        "27",
        "3.3",
        "0.1",
        "s",
        "▄",
        "3.3",
    ]


def test_a_rate_of_blocks_shows_the_blocks():
    """1 / their mean duration, where it is known; events a second are no less known then."""
    rates = [rate("a", 2.0, block_per_second=40.0), rate("b", 3.0, block_per_second=None)]
    drawn = text(node(plugin(rates=rates)))
    assert [line.split()[:4] for line in measured(drawn)] == [
        ["a", "rate", "100", "40.0"],
        ["b", "rate", "100", "3.0"],
    ]


@pytest.mark.parametrize(
    ("fields", "said", "counted"),
    [
        ({}, "up", "1 plugin up"),
        ({"state": "silent", "silent": 12.0}, "silent for 12.0 s", "0 plugins up, 1 silent"),
        (
            {"state": "silent", "up": False, "silent": 2.0},
            "silent for 2.0 s",
            "0 plugins up, 1 silent",
        ),
        ({"up": False, "silent": 130.0}, "ended: ok, 2 min ago", "0 plugins up, 1 ended"),
        ({"up": False, "status": "lost"}, "ended: lost, 0.2 s ago", "0 plugins up, 1 ended"),
        ({"up": False, "status": None}, "ended, 0.2 s ago", "0 plugins up, 1 ended"),
        ({"up": False, "state": None, "status": None}, "ended, 0.2 s ago", "0 plugins up, 1 ended"),
        ({"state": None}, "up", "1 plugin up"),
    ],
)
def test_a_state_is_told_in_the_collector_s_words(fields, said, counted):
    """With since when and how, and without a rate; an older collector says up or not."""
    quiet = [rate(per_second=0.0, age=20)]
    drawn = text(node(plugin("a", rates=quiet, **fields)))
    assert drawn[0].endswith("  " + counted)
    assert drawn[4].startswith("a: %s, yolo" % said)
    known = "0.0" if said == "up" else figures.NOTHING
    assert drawn[5].split() == ["fps", "rate", "100", known, "24.0/s", "20.0", "s"]


def test_each_end_looks_different_and_up_alone_is_green():
    """Killed and finished are told apart by colour, too; a rate that isn't known is not green."""

    def styles(**fields):
        shown = [node(plugin("a", rates=[rate()], **fields))]
        drawn = draw(shown, BY_NAME, now=NOW, width=None).lines
        return str(drawn[4].spans[1].style), {str(span.style) for span in drawn[5].spans}

    up, row = styles()
    assert "green" in up and "green" in row
    others = [
        styles(state="silent"),
        *(styles(up=False, status=status) for status in ("error", "lost", "ok")),
    ]
    assert len({state for state, _ in others}) == 4
    assert not any("green" in state or "green" in row for state, row in others)


def test_two_plugins_of_one_task_both_stand_there():
    """Under keys that tell them apart."""
    both = text(node(plugin("a", plugin_job="1"), plugin("a", plugin_job="2")))
    assert [line.partition(": up")[0] for line in both if ": up" in line] == [
        'a{job="1",plugin="yolo"}',
        'a{job="2",plugin="yolo"}',
    ]


@pytest.mark.parametrize(
    ("error", "silent", "said"),
    [
        (
            NodeUnreachable(URL, "Connection refused"),
            None,
            "can't be reached: Connection refused.",
        ),
        (
            NodeUnreachable(URL, "no answer within 2 s"),
            12.0,
            "can't be reached: no answer within 2 s; last heard 12.0 s ago.",
        ),
        (NodeNotReady(URL, "waiting"), None, "waiting."),
        (NodeLate(URL, "asking"), None, "asking."),
    ],
)
def test_a_node_that_says_nothing_says_why(error, silent, said):
    """In its line, with no rows below it."""
    received = None if silent is None else NOW - silent
    away = node(DETECT)._replace(node=NodeIdentity("", ""), error=error, received=received)
    assert text(away) == [URL + "  " + said]
    assert text(away, again=" Looking again.") == [URL + "  " + said + " Looking again."]


def test_a_node_that_fails_stands_above_all_others():
    """With its whole reason, in as many lines as it takes; its plugins aren't shown."""
    many = node(*(plugin("p%d" % number, rates=[rate()]) for number in range(30)))
    reason = NodeUnreachable("http://dead:9090", "no route to the host " * 5)
    dead = NodeView("http://dead:9090", error=reason)
    drawn = text(many, dead, width=60)
    first = drawn.index("http://node:9090 (W000, n)  30 plugins up")
    assert " ".join(" ".join(drawn[:first]).split()) == (
        "http://dead:9090 can't be reached: "
        + "no route to the host " * 4
        + "no route to the host ."
    )
    assert max(map(len, drawn)) < 60


def test_what_goes_wrong_is_told_of_the_node_and_of_the_plugin():
    """Failures of timers, problems by their reasons, and processes that ended badly."""
    bad = plugin(
        timers=[timer(failures=3), timer("b", failures=2)],
        problems={"series_limit": 4, "budget": 1},
        exits={"ok": 9, "error": 1, "lost": 2},
    )
    drawn = text(node(bad, plugin("good")))
    said = "5 failures, 2 lost, 1 ended with an error, 5 problems (budget, series_limit)"
    assert drawn[0].endswith("2 plugins up, " + said)
    assert ("detect: up, " + said) in drawn[4]
    assert "good: up, yolo, 1 process, 3.0 s of CPU" in drawn


def test_folded_a_plugin_is_one_line():
    """With the rate of its frames, its slowest timer, CPU and memory."""
    folded = ViewOptions(folded=True)
    drawn = text(node(DETECT, plugin("off", up=False)), options=folded)
    assert drawn[1:] == [
        "",
        "detect: up, fps 25.0/s, p95 12.3 ms, CPU 31 %, 25 MB, 1 failure, yolo, job 17, 1 process, "
        "3.0 s of CPU",
        "off: ended: ok, 0.2 s ago, yolo, 1 process, 3.0 s of CPU",
    ]
    narrow = text(node(DETECT), options=folded, width=40)
    assert narrow[2] == "detect: up, fps 25.0/s, p95 12.3 ms"


def test_what_is_gone_leaves_the_table():
    """Series, knobs and plugins that an answer doesn't have any more."""
    history = History()
    node(DETECT, plugin("other"), history=history)
    drawn = text(node(plugin("other"), history=history, at=105.0))
    assert not any(word in line for line in drawn for word in ("detect", "fps", "inference"))


def test_a_node_that_is_late_is_shown_as_it_was_for_a_while():
    """One missed answer empties no screen; after 5 s it is told."""
    late = NodeLate(URL, "no answer yet")
    assert text(node(DETECT, silent=4.0)._replace(error=late)) == text(node(DETECT, silent=4.0))
    drawn = text(node(DETECT, silent=6.0)._replace(error=late))
    assert len(drawn) == 1
    assert drawn[0].endswith("no answer yet; last heard 6.0 s ago.")


def test_nothing_is_told_as_such():
    """A node without plugins, a filter that fits nothing, an answer that grows old."""
    assert text(node())[-1] == "  no plugin has reported yet"
    assert (
        text(node(DETECT), options=ViewOptions(filter="xyz"))[-1]
        == "  nothing with xyz in its name"
    )
    assert "  as of 6.0 s ago, 1 plugin up" in text(node(DETECT, silent=6.0))[0]


def test_strangers_names_can_not_command_the_terminal():
    """Neither a task nor a label, nor markup of rich's."""
    evil = plugin("\x1b[2J[red]", counters=[counter("a", 1, label="\x1b]0;x\x07")])
    drawn = "".join(text(node(evil)))
    assert "\x1b" not in drawn and "\x07" not in drawn and "[red]" in drawn


def test_a_window_scrolls_and_keeps_the_titles():
    """The summary scrolls away, the titles don't; no more lines than there is room for."""
    drawn = Drawn([Text("s")], Text("titles"), [partial(Text, each) for each in "abcdef"])

    def shown(height, offset):
        return [line.plain for line in window(drawn, height, offset)]

    assert shown(4, 0) == ["s", "", "titles", "a"]
    assert shown(3, 2) == ["titles", "a", "b"]
    assert shown(3, 4) == ["titles", "c", "d"]
    assert shown(20, 0) == ["s", "", "titles", *"abcdef"]


def test_ages_go_on_while_the_node_is_slow():
    """They are as of now, and not as of the answer."""
    assert text(node(DETECT, silent=3.0))[6].endswith("   3.5 s")
