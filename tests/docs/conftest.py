"""A real collector to which a plugin has told everything that can be told."""

import os

import pytest

from ..collector.harness import Client, start
from ..collector.web.orders import TOKEN, begin, declare, entry

CELLS = [
    {
        "kind": "timer",
        "name": "inference",
        "labels": {"model": "s"},
        "count": 2,
        "sum": 3 * 10**8,
        "min": 10**8,
        "max": 2 * 10**8,
        "last": 10**8,
        "failures": 1,
        "buckets": [[-26, 1], [-18, 1]],
    },
    {"kind": "timer", "name": "inference", "count": 0, "sum": 0, "failures": 0, "buckets": []},
    {"kind": "timer", "name": "declared", "count": 0, "sum": 0, "failures": 0, "buckets": []},
    {"kind": "rate", "name": "fps", "count": 9, "last": 10**8},
    {"kind": "rate", "name": "detector", "count": 2, "last": 10**8, "sum": 2 * 10**8},
    {"kind": "gauge", "name": "cars", "value": 3.0},
    {"kind": "gauge", "name": "unknown", "value": "NaN"},
    {"kind": "counter", "name": "frames", "value": 5},
    {"kind": "messages", "name": "env.count", "value": 4},
    {"kind": "uploads", "value": 1},
    {"kind": "problem", "name": "sync_error", "value": 1},
    {
        "kind": "function",
        "name": "infer [app.py:4]",
        "labels": {"profiler": "tau"},
        "calls": 7,
        "exclusive": 10**9,
        "inclusive": 2 * 10**9,
        "exclusive_cpu": 10**9,
    },
    {
        "kind": "function",
        "name": "infer [app.py:4]",
        "labels": {"profiler": "sampler"},
        "exclusive": 10**9,
        "inclusive": 2 * 10**9,
        "exclusive_cpu": 10**9,
    },
    {"kind": "function", "name": "__idle__", "labels": {"profiler": "sampler"}, "exclusive": 10**9},
    {"kind": "tau", "age": 0.1, "dropped": 1, "torn": 0},
]
PROCESS = {"cpu_seconds": 1.25, "memory_bytes": 10**8, "memory_scope": "process"}
PACE = {
    "name": "fps",
    "type": "float",
    "default": 1000.0,
    "low": 1.0,
    "high": 1000.0,
    "slept": 0.5,
}


@pytest.fixture
def running(tmp_path):
    """A collector with control and a plugin, which stays connected; another plugin has ended.

    A new one for each test: what is recent isn't after ten seconds.
    """
    token = tmp_path / "control-token-of-the-test"
    token.write_text(TOKEN)
    node = {"WAGGLE_NODE_ID": "000048b02d0766be", "WAGGLE_NODE_VSN": "W023", "HOST": "a-node"}
    process = {"env": {**os.environ, **node}}
    with start(flags=["--control.token-file=%s" % token], process=process) as collector:
        with Client(collector) as plugin, Client(collector) as ended:
            ended.hello("session-2", plugin="ended", task="ended")
            ended.update(1, [{"kind": "rate", "name": "fps", "count": 1}])
            ended.bye()
            plugin.hello(
                monotonic=0.0,
                task="detect",
                pid=1,
                host="a-node",
                client="a test",
                plugin_version="1.2",
            )
            plugin.update(1, [{**cell, "age": 0.0} for cell in CELLS], process=PROCESS)
            told = {"value": 720, "source": "default", "revision": 0}
            declare(plugin, resolution=told, listed=knobs())
            plugin.flush()
            begin(collector, entry("resolution", 360, plugin_task="detect"), holder="holder")
            yield collector, plugin


@pytest.fixture
def collector(running):
    """The collector."""
    return running[0]


@pytest.fixture
def plugin(running):
    """The connection of the plugin."""
    return running[1]


def knobs():
    """Return knobs of each kind, as they stand."""
    from ..collector.control.holders import MODEL, RESOLUTION, THRESHOLD

    listed = [RESOLUTION, THRESHOLD, MODEL, PACE]
    return [
        {**knob, "value": knob["default"], "source": "default", "revision": 0} for knob in listed
    ]
