"""The example as a whole: run as a plugin is run, on the real clip."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from .conftest import EXAMPLE, ROOT, need

# What pywaggle itself says on Python 3.6.
NOISE = "using backwards compatible implementation of time_ns\n"


@pytest.fixture
def run(cv2, tmp_path):
    """Start the plugin's main.py with a log directory and no collector."""
    for module, package in (("waggle.plugin", "pywaggle"), ("ffmpeg", "ffmpeg-python")):
        need(module, package)
    started = []

    def start(*arguments):
        environ = dict(os.environ, PYWAGGLE_LOG_DIR=str(tmp_path / "log"))
        environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        environ["WAGGLE_LIVE_METRICS"] = "off"
        command = [sys.executable, str(EXAMPLE / "main.py"), *map(str, arguments)]
        process = subprocess.Popen(
            command,
            cwd=str(tmp_path),
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        with process:  # closes its pipes and waits for it
            pass


def messages(tmp_path):
    """Return what was published so far."""
    path = tmp_path / "log" / "data.ndjson"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def wait_for_messages(tmp_path, process, number=1):
    """Wait until that many counts are published."""
    deadline = time.monotonic() + 30
    while len(messages(tmp_path)) < number:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_counts_are_published(run, clip, tmp_path):
    """A few seconds of the clip leave a count for each interval in the log, and no complaint."""
    process = run("--clip", clip, "--seconds", 3, "--publish-every", 0.5)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors.replace(NOISE, "")) == (0, "", "")
    published = messages(tmp_path)
    assert 2 <= len(published) <= 7  # fewer than 6 when the machine is busy, never more than 7
    assert {message["name"] for message in published} == {"env.count.mover"}
    assert all(type(message["value"]) is int for message in published)
    assert any(message["value"] > 0 for message in published)


def test_the_clip_begins_again(run, clip, tmp_path):
    """A clip of 250 frames is played over and over; --frames is exact."""
    process = run("--clip", clip, "--fps", 0, "--frames", 600, "--publish-every", 0)
    assert process.wait(timeout=60) == 0
    counts = [message["value"] for message in messages(tmp_path)]
    assert len(counts) == 600
    assert counts[:250] == counts[250:500]


def test_frames_come_at_the_rate_asked_for(run, clip, tmp_path):
    """--fps holds the clip back, as a camera would."""
    process = run("--clip", clip, "--fps", 10, "--seconds", 2, "--publish-every", 0)
    assert process.wait(timeout=60) == 0
    assert 2 <= len(messages(tmp_path)) <= 21  # fewer than 20 when the machine is busy


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("fps", [0, 25])
def test_a_signal_ends_it_cleanly(run, clip, tmp_path, signum, fps):
    """Ctrl-C and SIGTERM end the plugin with status 0, wherever in a frame they find it."""
    process = run("--clip", clip, "--fps", fps)
    wait_for_messages(tmp_path, process)
    process.send_signal(signum)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors.replace(NOISE, "")) == (0, "")


def test_a_missing_clip_is_an_error(run, tmp_path):
    """The message says where the clip was looked for and what to do; nothing is published."""
    process = run("--clip", "nowhere/street.mp4")
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert str(tmp_path / "nowhere" / "street.mp4") in errors
    assert "get_clip.py" in errors and "--clip" in errors and "Traceback" not in errors
    assert messages(tmp_path) == []


def test_a_file_that_is_no_clip_is_an_error(run, tmp_path):
    """A file that OpenCV can't read ends the plugin, and not in an endless loop."""
    (tmp_path / "notes.mp4").write_text("not a video")
    process = run("--clip", "notes.mp4")
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "unable to open" in errors and "notes.mp4" in errors


def test_each_instrument_is_shown_once():
    """Whoever reads main.py meets each kind of instrument, and each one time."""
    source = (EXAMPLE / "main.py").read_text(encoding="utf-8")
    forms = [
        r"live\.declare\(",
        r"@live\.timer\(",
        r"with live\.timer\(",
        r"live\.timer\([^)]*\)\.start\(\)",
        r"\.stop\(\)",
        r"live\.knob\(",
        r"live\.pace\(",
        r"live\.gauge\([^)]*\)\.set\(",
        r"live\.counter\([^)]*\)\.inc\(\)",
        r'live\.\w+\("\w+", \w+=',
    ]
    assert {form: len(re.findall(form, source)) for form in forms} == dict.fromkeys(forms, 1)


def test_main_is_short():
    """The example is to be read in one go."""
    assert len((EXAMPLE / "main.py").read_text(encoding="utf-8").splitlines()) <= 145
