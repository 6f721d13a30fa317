"""A plugin's state is the same word wherever it is shown: API, metrics, page, top, controller."""

import re
import signal
import subprocess
import sys

import pytest

from tests.collector.harness import CollectorProcess, wait_until
from waggle_live_controller import Node

#: Reports once, then does what it is told.
PLUGIN = """
import signal, sys, time
from waggle_live import LiveMetrics
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
with LiveMetrics(plugin_name="yolo", task=sys.argv[1]) as live:
    for _ in live.rate("fps").each(range(20)):
        pass
    live.gauge("cars").set(3)
    live.flush(10)
    print("ready", flush=True)
    exec(sys.argv[2])
"""
#: By task: what the plugin does, the signal that it gets, and the state and status that it is in.
STORIES = {
    "killed": ("time.sleep(600)", signal.SIGKILL, "ended", "lost"),
    "interrupted": ("time.sleep(600)", signal.SIGINT, "ended", "stopped"),
    "crashed": ("raise RuntimeError", None, "ended", "error"),
    "finished": ("pass", None, "ended", "ok"),
    "frozen": ("time.sleep(600)", signal.SIGSTOP, "silent", None),
    "working": ("time.sleep(600)", None, "up", None),
}


@pytest.fixture(scope="module")
def stories():
    """A collector with a plugin of each state, and what its API says of them by task."""
    plugins = {}
    with CollectorProcess(state_file=True).start() as collector:
        try:
            for task, (does, number, *_) in STORIES.items():
                command = [sys.executable, "-c", PLUGIN, task, does]
                plugins[task] = subprocess.Popen(
                    command,
                    env={"WAGGLE_LIVE_METRICS": collector.address},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                )
                assert plugins[task].stdout.readline() == b"ready\n"
                if number is not None:
                    plugins[task].send_signal(number)
                if number not in (signal.SIGSTOP, None) or does != "time.sleep(600)":
                    plugins[task].wait(30)

            def told():
                return {each["plugin_task"]: each for each in collector.plugins()}

            def settled():
                return [(each["state"], each["status"]) for each in told().values()]

            wait_until(lambda: sorted(map(str, settled())) == sorted(map(str, expected())))
            yield collector, told
        finally:
            for plugin in plugins.values():
                plugin.kill()
                plugin.wait()
                plugin.stdout.close()


def expected():
    return [story[2:] for story in STORIES.values()]


def test_the_api_tells_state_status_and_ends(stories):
    """One end is counted of each that ended, and a rate is known of the one that works alone."""
    _, told = stories
    for task, plugin in told().items():
        *_, state, status = STORIES[task]
        assert (plugin["state"], plugin["status"]) == (state, status)
        ends = {name: count for name, count in plugin["exits"].items() if count}
        assert ends == ({status: 1} if status else {})
        assert (plugin["rates"][0]["per_second"] is None) == (state != "up")
        assert plugin["rates"][0]["total"] == 20 and plugin["gauges"][0]["value"] == 3


def test_the_metrics_have_silence_and_ends(stories):
    """``waggle_plugin_silent_seconds`` is above 0 of the silent one alone."""
    collector, _ = stories
    scrape = collector.scrape()
    for task, (*_, state, status) in STORIES.items():
        silent = scrape.value("waggle_plugin_silent_seconds", plugin_task=task)
        assert (silent > 0) == (state == "silent")
        for name in ("ok", "error", "stopped", "lost"):
            exits = scrape.value("waggle_plugin_exits_total", plugin_task=task, status=name)
            assert exits == (name == status)


def test_the_controller_has_the_same_words(stories):
    """Its readings know a rate where the collector does."""
    collector, _ = stories
    for task, plugin in Node(collector.url).poll().plugins.items():
        *_, state, status = STORIES[task]
        assert (plugin.state, plugin.status) == (state, status)
        assert plugin.heard == (state == "up")
        assert (plugin.rates["fps"].per_second is None) == (state != "up")


def test_top_has_the_same_words(stories):
    """Its line of a plugin begins with them; a rate that isn't known is a dash."""
    pytest.importorskip("rich", reason="needs the package rich")
    collector, _ = stories
    command = [sys.executable, "-m", "waggle_live", "top", "--once", collector.url]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "  1 plugin up, 1 silent, 4 ended, 1 lost, 1 ended with an error\n" in shown
    for task, (*_, state, status) in STORIES.items():
        line, fps = shown[shown.index("\n%s: " % task) + 1 :].split("\n")[:2]
        said = line.partition(": ")[2]
        assert said.startswith(f"ended: {status}, " if status else state)
        assert (fps.split()[3] == "\u2013") == (state != "up")


def contrast(one, other):
    """Return the contrast of two CSS colours as the WCAG defines it, 1 to 21."""

    def luminance(colour):
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_the_page_has_the_same_words(browser, stories, dark):
    """In green for the one that is up alone; killed and finished look different; all of it can be
    read, in light and in dark."""
    collector, _ = stories
    browser.visit(collector.url, dark=dark)
    wait_until(lambda: len(list(filter(None, browser.texts(".state")))) == len(STORIES))
    seen = browser.run(
        "return [...document.querySelectorAll('.plugin')].map(e => {"
        " const state = e.querySelector('.state');"
        " return [e.querySelector('.task').textContent, [state.textContent,"
        " getComputedStyle(state).color, getComputedStyle(state, '::before').content]] })"
    )
    seen = dict(seen)
    for task, (*_, state, status) in STORIES.items():
        assert seen[task][0].startswith(f"ended: {status}, " if status else state)
    colours = [colour for _, colour, _ in seen.values()]
    assert colours.count(seen["working"][1]) == 1
    assert seen["killed"][1] != seen["finished"][1]
    assert len({mark for *_, mark in seen.values()}) == len(STORIES)
    assert browser.text("#tally") == "1 up, 1 silent, 1 lost, 3 ended"
    card = browser.run("return getComputedStyle(document.querySelector('.plugin')).backgroundColor")
    assert all(contrast(colour, card) >= 4.5 for colour in colours)
