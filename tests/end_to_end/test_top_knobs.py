"""``waggle-live-top`` with a token: knobs are set by hand in a real plugin, and it is profiled."""

import re
import time

import pytest

pytest.importorskip("rich", reason="needs the package rich")
pytest.importorskip("pyte", reason="needs the package pyte")

from tests.collector.harness import wait_until
from waggle_live_controller import Node
from waggle_live_controller.top import profile

from .loop_processes import DEFAULT, TASK, TOKEN, Loop
from .terminal import Terminal
from .test_top import TOP, top


@pytest.fixture
def loop(tmp_path):
    """A collector that takes orders, and a plugin at its default."""
    with Loop(tmp_path) as running:
        running.start_collector()
        running.plugin.start()
        wait_until(running.knows_knob)
        yield running


def test_a_knob_is_held_by_hand_and_let_go(loop):
    """n chooses it, minus takes a cheaper value, q lets it go: the plugin follows."""
    token = "--control.token-file=%s" % (loop.directory / "token")
    with Terminal(*TOP, token, loop.url) as terminal:
        terminal.until(lambda seen: re.search(r"resolution +640 +160 320 \[640\] +default", seen))
        assert "profiler" in terminal.text
        terminal.type("n-")
        wait_until(lambda: loop.value() == 320)
        terminal.until(lambda seen: re.search(r"160 \[320\] 640 +held by top-\S+ for", seen))
        terminal.type("-")
        wait_until(lambda: loop.value() == 160)
        terminal.type("-")
        terminal.until(lambda seen: "resolution has no value beyond 160" in seen)
        terminal.type("x")
        wait_until(lambda: loop.value() == DEFAULT)
        terminal.until(lambda seen: re.search(r"\[640\] +default", seen))
        terminal.type("-")
        wait_until(lambda: loop.value() == 320)
        terminal.type("q")
        assert terminal.end() == 0
        left = time.monotonic()
        wait_until(lambda: loop.value() == DEFAULT)
        assert time.monotonic() - left < 5  # released, not run out


def test_a_knob_is_let_go_when_top_is_told_to_end(loop):
    """By SIGTERM as by q: at once, and not when its lease ends."""
    token = "--control.token-file=%s" % (loop.directory / "token")
    with Terminal(*TOP, token, loop.url) as terminal:
        terminal.until(lambda seen: re.search(r"resolution +640", seen))
        terminal.type("n-")
        wait_until(lambda: loop.value() == 320)
        terminal.process.terminate()
        assert terminal.end() == 143
        left = time.monotonic()
        wait_until(lambda: loop.value() == DEFAULT)
        assert time.monotonic() - left < 5  # released, not run out


def test_a_plugin_that_runs_is_profiled(loop, monkeypatch, tmp_path):
    """The stacks are kept in a file that flame graphs read, and the knob is off again."""
    monkeypatch.setattr(profile, "PROFILE_SECONDS", 2)
    (identity,) = (each.identity for each in Node(loop.url).poll().plugins.values())
    taken = profile.Profile(identity)
    profile.take_profile(Node(loop.url, control_token=TOKEN), taken, tmp_path)
    assert taken.is_over
    (file,) = tmp_path.glob(TASK + "-*.folded")
    assert taken.text == "kept in %s" % file
    lines = file.read_text().splitlines()
    assert lines
    assert all(re.fullmatch(r"[^;]+(;[^;]+)* \d+", line) for line in lines)
    assert "turning.py" in file.read_text()
    assert sum(share for _, share in taken.leaves(100)) == pytest.approx(1)

    def is_off():
        (knob,) = (each for each in Node(loop.url).knobs().knobs if each.name == "__profile")
        return (knob.value, knob.holder) == (0, None)

    wait_until(is_off)  # the node waits two seconds at most until the plugin says so
    refused = profile.Profile(identity)
    profile.take_profile(Node(loop.url, control_token="wrong"), refused, tmp_path)
    assert "no profile: " in refused.text
    assert "show the token" in refused.text


def test_without_a_token_knobs_are_shown_alone(loop):
    """The keys say what is missing; a file that can't be read is an error at once."""
    with Terminal(*TOP, loop.url) as terminal:
        terminal.until(lambda seen: re.search(r"resolution +640 +160 320 \[640\] +default", seen))
        assert "profiler" not in terminal.text
        terminal.type("n-")
        terminal.until(lambda seen: "start top with --control.token-file" in seen)
        terminal.type("q")
        assert terminal.end() == 0
    assert {frame.value for frame in loop.trace()} == {DEFAULT}
    status, _, err = top("--control.token-file=%s" % (loop.directory / "none"), loop.url)
    assert (status, "No such file" in err) == (2, True)


def test_a_wrong_token_is_told(loop):
    """It isn't silent, and nothing changes."""
    wrong = loop.directory / "wrong"
    wrong.write_text("wrong")
    with Terminal(*TOP, "--control.token-file=%s" % wrong, loop.url) as terminal:
        terminal.until(lambda seen: re.search(r"resolution +640", seen))
        terminal.type("n-")
        terminal.until(lambda seen: "show the token" in seen)
        terminal.type("q")
        assert terminal.end() == 0
    assert {frame.value for frame in loop.trace()} == {DEFAULT}
