"""How knobs are drawn in the view, and which value stands beside another."""

import pytest

from waggle_live_controller import KnobReading, Node, PluginIdentity
from waggle_live_controller.top import knobs
from waggle_live_controller.top.desk import Desk as RealDesk
from waggle_live_controller.top.layout import Layout

IDENTITY = PluginIdentity("yolo", "detect", "17")
#: Unix time of the view.
NOW = 1_700_000_000.0


def knob(name="resolution", **more):
    """Return a knob with three choices, at its default."""
    fields = {
        "identity": IDENTITY,
        "name": name,
        "type": "int",
        "default": 640,
        "choices": (160, 320, 640),
        "low": None,
        "high": None,
        "better": None,
        "cost": None,
        "settle": 0.0,
        "value": 640,
        "source": "default",
        "holder": None,
        "seconds_left": None,
        "since": None,
        "processes": {"applied": 0, "refused": 0, "pending": 0},
        "quarantined": (),
        "error": "",
    }
    return KnobReading(**{**fields, **more})


HELD = knob(value=320, source="set", holder="loop", since=NOW - 12, seconds_left=7.6)
THRESHOLD = knob("threshold", type="float", default=0.5, value=0.5, choices=None, low=0.3, high=0.9)
PROFILER = knob("__profile", choices=None, default=0, value=0, low=0, high=200)
SWITCH = knob("night", type="bool", choices=None, default=False, value=False)


class Desk:
    """What the view needs of a desk."""

    def is_chosen(self, url, knob):
        """Choose the resolution."""
        return knob.name == "resolution"

    def now(self, url):
        """Return the time of the node."""
        return NOW


def drawn(*shown):
    """Return the lines of some knobs."""
    layout = Layout([], None, trend=False)
    return layout.knobs(knobs.arranged(shown, ""), Desk(), "http://node")


def test_each_knob_is_a_line():
    """Value, choices with the value in brackets, who decides; the profiler last, and the chosen one
    in reverse."""
    lines = drawn(PROFILER, HELD, THRESHOLD, SWITCH)
    assert [" ".join(line.plain.split()) for line in lines] == [
        "knob value choices decided by",
        "resolution 320 160 [320] 640 held by loop for 12.0 s, 8 s left",
        "threshold 0.50 0.30 … 0.90 default",
        "night false [false] true default",
        "profiler off off … 200 Hz default",
    ]
    assert "reverse" in str(lines[1].spans)
    assert "reverse" not in str(lines[2].spans)


def test_who_decides_has_room_on_a_narrow_terminal():
    """Many choices give way to it, but for those beside the value."""
    many = knob(choices=tuple(range(1, 17)), value=8, holder="waggle-live-controller")
    line = Layout([], 80, trend=False).knobs([many], Desk(), "http://node")[1].plain
    assert "1 2 3 4 5 6 7 [8] 9 10 11 …" in line
    assert line.endswith("held by waggle-live-controller")


@pytest.mark.parametrize("width", [40, 60, 80, 140])
def test_numbers_are_whole_on_any_terminal(width):
    """Names of holders are cut in their middle, and what comes last is left out whole."""
    held = HELD._replace(
        name="resolution.of.the.camera.at.the.top", holder="waggle-live-controller"
    )
    line = Layout([], width, trend=False).knobs([held], Desk(), "http://node")[1].plain
    assert len(line) < width and " 320 " in line
    assert line.endswith(
        {
            40: "held by wagg…ler",
            60: "held by wagg…ller",
            80: "held by wagg…ler for 12.0 s, 8 s left",
            140: "held by waggle-live-controller for 12.0 s, 8 s left",
        }[width]
    )


@pytest.mark.parametrize(
    ("room", "words"),
    [
        (None, "held by waggle-live for 12.0 s, 8 s left"),
        (40, "held by waggle-live for 12.0 s, 8 s left"),
        (37, "held by wagg…ive for 12.0 s, 8 s left"),
        (36, "held by waggle-live for 12.0 s"),
        (30, "held by waggle-live for 12.0 s"),
        (20, "held by waggle-live"),
        (17, "held by wagg…live"),
    ],
)
def test_the_holder_s_name_is_what_is_cut(room, words):
    """Then what comes last is left out."""
    held = HELD._replace(holder="waggle-live")
    assert knobs.holder(held, NOW, room)[0] == words


@pytest.mark.parametrize(
    ("room", "text"),
    [
        (21, "160 320 [480] 640 960"),
        (18, "160 320 [480] …"),
        (13, "… 320 [480] …"),
        (9, "… [480] …"),
        (5, "[480]"),
    ],
)
def test_choices_are_left_out_whole(room, text):
    """The value stays, and those beside it as far as there is room."""
    some = knob(choices=(160, 320, 480, 640, 960), value=480)
    assert knobs.choices(some, room) == text


def test_keys_reach_only_what_the_filter_shows():
    """A knob that is hidden can be neither chosen nor set."""
    desk = RealDesk([Node("http://node")], may_set=True)
    desk._knobs = {"http://node": {IDENTITY: [HELD, THRESHOLD]}}
    desk.press("n", "thresh")
    assert [desk.is_chosen("http://node", each) for each in (HELD, THRESHOLD)] == [False, True]
    desk.press("-", "nothing")
    assert desk.said.startswith("choose a knob first")
    desk.press("n", "detect")
    assert desk.is_chosen("http://node", HELD)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"source": "pinned"}, "pinned by the operator"),
        ({"source": "set"}, "until its lease ends"),
        ({"holder": "a", "processes": {"pending": 2}}, "held by a, 2 pending"),
        ({"holder": "a", "processes": {"refused": 1}}, "held by a, 1 refused"),
        ({"quarantined": (160, 320)}, "default; 160, 320 quarantined"),
        ({"error": "not\x1b[2J today"}, "default: not\ufffd[2J today"),
        ({"holder": "a", "since": NOW + 5}, "held by a for 0.0 s"),
    ],
)
def test_who_decides_is_told_in_words(more, words):
    """And what is wrong, without control characters."""
    assert knobs.holder(knob(**more), NOW)[0] == words


@pytest.mark.parametrize(
    ("of", "step", "value"),
    [
        (HELD, 1, 640),
        (HELD, -1, 160),
        (knob(), 1, None),
        (knob(value=160), -1, None),
        (SWITCH, 1, True),
        (SWITCH, -1, None),
        (THRESHOLD, 1, pytest.approx(0.56)),
        (THRESHOLD._replace(value=0.31), -1, 0.3),
        (THRESHOLD._replace(value=0.9), 1, None),
        (PROFILER, 1, 20),
        (knob(choices=None, low=1, high=4, value=2), 1, 3),
        (knob(type="str", choices=None, default="a", value="a"), 1, None),
        (knob(type="int", choices=None), 1, None),
    ],
)
def test_the_value_beside_another(of, step, value):
    """Within choices and bounds; None beyond them, and where there are none."""
    assert knobs.beside(of, step) == value


def test_the_profiler_is_shown_while_it_runs_or_can_be_set():
    """Each plugin has that knob."""
    assert knobs.shown([PROFILER, HELD], all_of_them=False) == [HELD]
    assert knobs.shown([PROFILER, HELD], all_of_them=True) == [PROFILER, HELD]
    running = PROFILER._replace(value=50)
    assert knobs.shown([running], all_of_them=False) == [running]
