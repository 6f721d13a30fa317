"""``waggle-live run --pace``: the loop over a live camera has a limit that can be set."""

import threading

import pytest

from ...control.setting import lease, told
from ..running import run
from .test_vision import FAKE_VISION

pytestmark = pytest.mark.oldest_and_newest

PACE = ("-m", "waggle_live", "run", "--pace", "--")
HEAD = (
    """
import os, sys, time, types, waggle
folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fake")
os.makedirs(folder, exist_ok=True)
open(os.path.join(folder, "vision.py"), "w").write(%r)
waggle.data = sys.modules["waggle.data"] = types.ModuleType("waggle.data")
waggle.data.__path__ = [folder]
from waggle.plugin import Plugin
import waggle.data.vision
from waggle.data.vision import Camera
"""
    % FAKE_VISION
)
LOOP = """
def gaps(camera):
    times = []
    for frame in camera.stream():
        times.append(time.monotonic())
    return [b - a for a, b in zip(times, times[1:])]
"""
LIVE = (
    HEAD
    + LOOP
    + """
with Plugin() as plugin:
    until = time.monotonic() + 20
    while min(gaps(Camera("left"))) < 0.09:  # each stream has 5 frames, 10 ms apart
        assert time.monotonic() < until, "nobody has set a limit"
"""
)


@pytest.fixture
def hold(listener):
    """Set the limit to 10 frames a second, again and again, for everybody who is connected."""
    stop = threading.Event()

    def control():
        message = {"type": "set", "number": 1, "knobs": [lease("camera.stream", 10)]}
        while not stop.wait(0.05):
            listener.say(message)

    thread = threading.Thread(target=control)
    thread.start()
    yield
    stop.set()
    thread.join()


def test_a_live_camera_is_paced(listener, tmp_path, hold):
    """By the knob camera.stream, and the time slept is no wait for the camera."""
    assert run(listener, tmp_path, LIVE, launcher=PACE) == (0, "", "")
    assert told(listener)["camera.stream"]["slept"] > 0.2
    assert told(listener)["camera.stream"]["high"] == 1000.0
    waits = listener.total("timer", "camera.stream.wait", "min", camera="left")
    assert waits < 90 * 10**6


def test_without_the_option_there_is_no_knob(listener, tmp_path, hold):
    """Nothing is paced that nobody asked to be."""
    text = (
        HEAD
        + LOOP
        + """
with Plugin() as plugin:
    for _ in range(10):
        assert max(gaps(Camera("left"))) < 5
"""
    )
    assert run(listener, tmp_path, text) == (0, "", "")
    assert set(told(listener)) == {"__profile"}


def test_a_file_is_not_paced(listener, tmp_path, hold):
    """It would only be played in slow motion."""
    text = (
        HEAD
        + LOOP
        + """
camera = Camera("left")
camera.capture.device = __file__
with Plugin() as plugin:
    for _ in range(10):
        gaps(camera)
"""
    )
    assert run(listener, tmp_path, text, launcher=PACE) == (0, "", "")
    assert set(told(listener)) == {"__profile"}


def test_an_authors_knob_of_that_name(listener, tmp_path):
    """It takes the place of ours, and the stream isn't paced any more."""
    text = (
        HEAD
        + LOOP
        + """
from waggle_live import LiveMetrics
with Plugin() as plugin:
    gaps(Camera("left"))
    live = LiveMetrics(plugin)
    knob = live.knob("camera.stream", "own")
    gaps(Camera("left"))
    assert knob.value == "own"
"""
    )
    assert run(listener, tmp_path, text, launcher=PACE) == (0, "", "")
    assert told(listener)["camera.stream"]["type"] == "str"
