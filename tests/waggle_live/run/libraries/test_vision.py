"""``waggle-live run`` and pywaggle's ``Camera``.

The module that stands for pywaggle's has the same shape and needs no OpenCV, so this runs on every
Python; tests/plugin_example has the real one.
"""

import pytest

from ...helpers import MS
from ..running import run

pytestmark = pytest.mark.oldest_and_newest

FAKE_VISION = '''
"""Stands for waggle.data.vision."""
import time

class Capture:
    def __init__(self, device):
        self.device = device

class Camera:
    def __init__(self, device=0, format=None):
        if device == "none":
            raise KeyError("no device found 'none'")
        self.capture = Capture("rtsp://admin:secret@10.0.0.1/" + str(device))
        self.closed = 0

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        pass

    def stream(self):
        try:
            for i in range(5):
                time.sleep(0.01)
                got = yield Frame(i)
                if got is not None:
                    yield got
        finally:
            self.closed += 1

    def snapshot(self):
        if "broken" in self.capture.device:
            raise RuntimeError("no camera")
        time.sleep(0.01)
        return "picture"

    def record(self, duration, file_path="./sample.mp4", skip_second=1):
        time.sleep(duration)
        return file_path

class Frame:
    alive = 0
    def __init__(self, number):
        self.number = number
        Frame.alive += 1
    def __del__(self):
        Frame.alive -= 1
'''


@pytest.fixture
def play(listener, tmp_path):
    """Run a script with the fake module where pywaggle's would be found, to its silent end."""

    def to_its_end(text, vision=FAKE_VISION):
        head = (
            "import os, sys, time, types, waggle\n"
            "folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fake')\n"
            "os.makedirs(folder, exist_ok=True)\n"
            "open(os.path.join(folder, 'vision.py'), 'w').write(%r)\n"
            "waggle.data = sys.modules['waggle.data'] = types.ModuleType('waggle.data')\n"
            "waggle.data.__path__ = [folder]\n"
            "from waggle.plugin import Plugin\n"
            "import waggle.data.vision\n"
            "from waggle.data.vision import Camera\n" % vision
        )
        assert run(listener, tmp_path, head + text) == (0, "", "")
        return listener

    return to_its_end


def test_stream(play):
    """Each frame is an event; the wait for it and the work on it are told apart."""
    found = play("""
assert len(list(Camera("left").stream())) == 5  # there is no plugin: not counted
with Plugin() as plugin:
    for frame in Camera("left").stream():
        time.sleep(0.02)
""")
    assert found.total("rate", "camera.stream", camera="left") == 5
    for name, least in (("camera.stream.wait", 10 * MS), ("camera.stream.work", 20 * MS)):
        assert found.total("timer", name, camera="left") == 5
        assert found.total("timer", name, "min", camera="left") >= least
    assert found.total("timer", "camera.stream.wait", "failures", camera="left") == 0


def test_two_cameras_are_two_series(play):
    """Cameras are told apart by what they were opened with; secrets of a URL stay out."""
    found = play("""
with Plugin() as plugin:
    for device in ("left", 3):
        list(Camera(device).stream())
    Camera(device="rtsp://admin:secret@10.0.0.2/live?token=secret").snapshot()
    camera = Camera.__new__(Camera)  # as unpickled: pywaggle keeps the URL alone
    camera.capture = waggle.data.vision.Capture("rtsp://a:b@10.0.0.3/x")
    camera.snapshot()
""")
    for device in ("left", "3"):
        assert found.total("rate", "camera.stream", camera=device) == 5
    for device in ("rtsp://10.0.0.2/live", "rtsp://10.0.0.3/x"):
        assert found.total("rate", "camera.snapshot", camera=device) == 1
    assert "secret" not in str(found.state())


def test_more_cameras_than_have_a_series(play):
    """What comes after the first twenty is added up, with one line of log."""
    found = play("""
import logging
logging.getLogger("waggle_live").setLevel(logging.ERROR)
with Plugin() as plugin:
    for number in range(30):
        Camera("file:///clip-%d.mp4" % number).snapshot()
""")
    assert found.total("rate", "camera.snapshot", camera="file:///clip-19.mp4") == 1
    assert found.total("rate", "camera.snapshot", camera="other") == 10


def test_a_stream_behaves_as_without_us(play):
    """It is a generator, begins with its first frame, and is closed, thrown into and sent to."""
    play("""
import gc, inspect
assert inspect.isgeneratorfunction(Camera.stream)
assert str(inspect.signature(Camera)) == "(device=0, format=None)"
with Plugin() as plugin:
    camera = Camera("left")
    stream = camera.stream()
    assert inspect.isgenerator(stream) and inspect.getgeneratorstate(stream) == "GEN_CREATED"
    assert next(stream).number == 0
    assert stream.send("mine") == "mine"
    stream.close()
    assert camera.closed == 1
    try:
        next(stream)
    except StopIteration:
        pass
    else:
        raise AssertionError
    for frame in camera.stream():
        break
    gc.collect()
    assert camera.closed == 2  # dropped early
    stream = camera.stream()
    next(stream)
    error = ValueError("thrown")
    try:
        stream.throw(error)
    except ValueError as caught:
        assert caught is error
    assert camera.closed == 3
    camera.stream()  # never begun
    gc.collect()
    assert camera.closed == 3
    try:
        Camera("none")
    except KeyError:
        pass
""")


def test_a_stream_that_is_left_early_loses_nothing(play):
    """The frame that the loop was left with counts, and so does the work on it."""
    found = play("""
with Plugin() as plugin:
    for frame in Camera("left").stream():
        time.sleep(0.02)
        break
    try:
        for frame in Camera("left").stream():
            time.sleep(0.02)
            raise KeyError
    except KeyError:
        pass
    stream = Camera("left").stream()
    next(stream)
    time.sleep(0.02)
    stream.close()
""")
    assert found.total("rate", "camera.stream", camera="left") == 3
    assert found.total("timer", "camera.stream.work", camera="left") >= 2
    assert found.total("timer", "camera.stream.work", "min", camera="left") >= 20 * MS


def test_no_frame_is_held(play):
    """While the next frame is waited for, the last one is gone if the plugin has dropped it."""
    play("""
from waggle.data.vision import Frame
with Plugin() as plugin:
    stream = Camera("left").stream()
    for number in range(5):
        frame = next(stream)
        assert Frame.alive == 1, Frame.alive
        del frame
        assert Frame.alive == 0, Frame.alive
""")


def test_snapshot_and_record(play):
    """Both are rates, with the wait and the work until the next one is asked for."""
    found = play("""
with Plugin() as plugin:
    camera = Camera("left")
    for _ in range(3):
        assert camera.snapshot() == "picture"
        time.sleep(0.02)
    assert camera.record(0.05, file_path="a.mp4") == "a.mp4"
    for _ in range(2):
        try:
            Camera("broken").snapshot()
        except RuntimeError as error:
            assert str(error) == "no camera"
        else:
            raise AssertionError
""")
    assert found.total("rate", "camera.snapshot", camera="left") == 3
    assert found.total("timer", "camera.snapshot.wait", "min", camera="left") >= 10 * MS
    assert found.total("timer", "camera.snapshot.work", camera="left") == 2
    assert found.total("timer", "camera.snapshot.work", "min", camera="left") >= 20 * MS
    assert found.total("rate", "camera.record", camera="left") == 1
    assert found.total("timer", "camera.record.wait", "min", camera="left") >= 50 * MS
    assert found.total("rate", "camera.snapshot", camera="broken") == 0
    assert found.total("timer", "camera.snapshot.wait", "failures", camera="broken") == 2


def test_a_camera_of_an_older_pywaggle(play):
    """Without ``record`` the rest is measured, without a word."""
    vision = FAKE_VISION.replace("def record", "def _record")
    found = play('with Plugin() as plugin: list(Camera("left").stream())', vision)
    assert found.total("rate", "camera.stream", camera="left") == 5


def test_an_author_who_uses_the_name(play):
    """An author's own series of that name wins, and the camera still works."""
    found = play("""
class Unhashable(Camera):
    __hash__ = None

with Plugin() as plugin:
    plugin.live.gauge("camera.stream").set(1)
    with plugin.live.rate("camera.snapshot", camera="left"):
        pass
    assert len(list(Camera("left").stream())) == 5
    assert Camera("left").snapshot() == "picture"
    assert Unhashable("left").snapshot() == "picture"
""")
    assert found.total("gauge", "camera.stream") == 1
    assert found.total("rate", "camera.snapshot", camera="left") == 1
