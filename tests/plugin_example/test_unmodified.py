"""``waggle-live run`` with pywaggle's real camera and microphone modules."""

import os
import subprocess
import sys

import pytest

from tests.collector.harness import CollectorProcess, wait_until

from .conftest import ROOT, need

CAMERA = """
import sys
from waggle.plugin import Plugin
from waggle.data.vision import Camera, RGB

source = "file://" + sys.argv[1]
assert sum(1 for sample in Camera(source).stream()) == 250  # no plugin is open: not counted
with Plugin() as plugin:
    with Camera(source) as camera:
        for number, sample in enumerate(camera.stream()):
            plugin.publish("frame", number, timestamp=sample.timestamp)
            if number == 99:
                break
    assert sum(1 for sample in Camera(source).stream()) == 250
    for _ in range(3):
        assert Camera(source, format=RGB).snapshot().data.shape == (272, 640, 3)
    try:
        Camera("file:///none.mp4").snapshot()
    except RuntimeError as error:
        assert "unable to open" in str(error)
    else:
        raise AssertionError
"""

# pywaggle's module is real; the sound card, which a machine without one can't even import, is not.
SOUNDCARD = """
import numpy

class Microphone:
    def record(self, samplerate, numframes, channels):
        return numpy.zeros((numframes, channels))

def default_microphone():
    return Microphone()
"""
SOUNDFILE = "def available_formats(): return {'WAV': 'wav'}"
MICROPHONE = """
from waggle.plugin import Plugin
from waggle.data.audio import Microphone

microphone = Microphone(samplerate=100)
with Plugin() as plugin:
    for _ in range(4):
        sample = microphone.record(2)
        assert sample.data.shape == (200, 1) and sample.samplerate == 100, sample
        plugin.publish("loudness", float(sample.data.max()), timestamp=sample.timestamp)
"""


@pytest.fixture
def run(tmp_path):
    """Run a script under ``waggle-live run`` to its good end; return what a scrape shows then."""

    def to_its_end(text, *arguments):
        script = tmp_path / "main.py"
        script.write_text(text, encoding="utf-8")
        with CollectorProcess().start() as collector:
            environ = {name: value for name, value in os.environ.items() if "WAGGLE" not in name}
            environ.update(
                PYTHONPATH=os.pathsep.join([str(ROOT), str(tmp_path / "devices")]),
                PYWAGGLE_LOG_DIR=str(tmp_path / "log"),
                WAGGLE_PLUGIN_HOST="127.0.0.1",
                WAGGLE_PLUGIN_PORT="9",
                WAGGLE_LIVE_METRICS=collector.address,
            )
            command = [sys.executable, "-m", "waggle_live", "run", "--", str(script), *arguments]
            result = subprocess.run(
                command, check=False, env=environ, capture_output=True, text=True, timeout=60
            )
            assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
            ends = "waggle_plugin_exits_total"
            wait_until(lambda: collector.value(ends, default=0, status="ok") == 1)
            return collector.scrape()

    return to_its_end


def test_camera(run, cv2, clip):
    """Frames and snapshots of a real clip are counted to the frame; the camera is as ever."""
    scrape = run(CAMERA, str(clip))
    camera = {"camera": "file://%s" % clip}
    for name, frames in (("camera.stream", 350), ("camera.snapshot", 3)):
        assert scrape.value("waggle_rate_events_total", name=name, **camera) == frames
        wait = scrape.value("waggle_timer_seconds_count", name=name + ".wait", **camera)
        assert wait == frames
    work = scrape.value("waggle_timer_seconds_count", name="camera.stream.work", **camera)
    assert work == 350
    missing = {"name": "camera.snapshot.wait", "camera": "file:///none.mp4"}
    assert scrape.value("waggle_timer_failures_total", **missing) == 1
    assert scrape.value("waggle_plugin_messages_total", name="frame") == 100
    assert scrape.value("waggle_rate_per_second", name="camera.stream", **camera) > 0


def test_microphone(run, tmp_path):
    """Recordings are a rate; they are what the device gave."""
    need("numpy", "numpy")
    (tmp_path / "devices").mkdir()
    for name, text in (("soundcard", SOUNDCARD), ("soundfile", SOUNDFILE)):
        (tmp_path / "devices" / (name + ".py")).write_text(text, encoding="utf-8")
    scrape = run(MICROPHONE)
    assert (
        scrape.value("waggle_rate_events_total", name="microphone.record", microphone="default")
        == 4
    )
    assert scrape.value("waggle_plugin_messages_total", name="loudness") == 4
