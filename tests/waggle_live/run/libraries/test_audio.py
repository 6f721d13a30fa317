"""``waggle-live run`` and pywaggle's ``Microphone``; tests/plugin_example has the real module."""

import pytest

from ...helpers import MS
from ..running import run

pytestmark = pytest.mark.oldest_and_newest

SCRIPT = """
import sys, time, types, waggle
waggle.data = sys.modules["waggle.data"] = types.ModuleType("waggle.data")
waggle.data.__path__ = [sys.argv[1]]
from waggle.plugin import Plugin
from waggle.data.audio import Microphone

with Plugin() as plugin:
    for _ in range(2):
        default = Microphone()
        assert default.record(0.02) == [0.02]
        time.sleep(0.03)
        assert default.record(duration=0.02) == [0.02]
    assert Microphone(name="roof").record(0.01) == [0.01]
"""

FAKE_AUDIO = """
import time

class Microphone:
    def __init__(self, samplerate=48000, channels=1, name=None):
        self.name = name

    def record(self, duration):
        time.sleep(duration)
        return [duration]
"""


def test_microphones(listener, tmp_path):
    """Recordings are rates, told apart by the microphone's name, with the wait and the work."""
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake" / "audio.py").write_text(FAKE_AUDIO)
    assert run(listener, tmp_path, SCRIPT, str(tmp_path / "fake")) == (0, "", "")
    assert listener.total("rate", "microphone.record", microphone="default") == 4
    assert listener.total("rate", "microphone.record", microphone="roof") == 1
    wait = ("timer", "microphone.record.wait")
    work = ("timer", "microphone.record.work")
    assert listener.total(*wait, field="min", microphone="default") >= 20 * MS
    assert listener.total(*work, microphone="default") == 2
    assert listener.total(*work, field="min", microphone="default") >= 30 * MS
