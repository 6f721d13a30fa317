"""Wrong arguments and attributes: the error has the right ones."""

import copy
import pickle
import re

import pytest

from waggle_live_controller import (
    Fleet,
    InvalidAddress,
    Node,
    RateReading,
    Snapshot,
    TimerReading,
    UnknownPlugin,
)
from waggle_live_controller.answer import read

from .conftest import body, plugin, rate, timer

PLUGINS = read(body(plugin("detect", plugin="registry/yolo", timers=[timer()], rates=[rate()])))
DETECT = PLUGINS.plugins["detect"]


@pytest.mark.parametrize(
    ("call", "right"),
    [
        (lambda: Node(address="h"), "url"),
        (lambda: Node(host="h", port=9090), "url"),
        (lambda: Node("h", port=9090), "Node takes no port; it is Node('host:port'"),
        (lambda: Node("h", tiemout=1), "timeout="),
        (lambda: Node("h").poll(timeout=1), "poll takes no timeout; it is poll(window="),
        (lambda: Node("h").poll(timeout=1), "Node(url, timeout=…)"),
        (lambda: Fleet([]).poll(timeout=1), "poll(within="),
    ],
)
def test_arguments(call, right):
    """A TypeError, as of any wrong argument."""
    with pytest.raises(TypeError, match=re.escape(right)):
        call()


def test_a_url_may_be_named():
    """It is the argument's name."""
    assert Node(url="h:1").url == "http://h:1"


@pytest.mark.parametrize("nodes", ["http://h:9090", b"h", Node("h"), 3, None])
def test_a_fleet_is_a_list(nodes):
    """A text is no list of nodes, each a letter."""
    with pytest.raises(InvalidAddress, match=r"a list: Fleet\(\["):
        Fleet(nodes)


@pytest.mark.parametrize("node", [None, 3, ["h"]])
def test_a_node_of_a_fleet_is_an_address(node):
    """Or a Node."""
    with pytest.raises(InvalidAddress, match="host:port"):
        Fleet([node])


@pytest.mark.parametrize(
    ("reading", "attribute", "right"),
    [
        (DETECT, "timer", "is it timers?"),
        (DETECT, "rate", "is it rates?"),
        (DETECT, "pid", "processes"),
        (DETECT.timers["inference"], "average", "it has: name, labels, age, count, sum, failures"),
        (DETECT.timers["inference"], "average", "mean"),
        (DETECT.timers["inference"], "mean_ms", "is it mean?"),
        (DETECT.timers["inference"], "p_95", "is it p95?"),
        (DETECT.rates["fps"], "fps", "per_second"),
        (DETECT.identity, "plugin_task", "task"),
        (Snapshot("u", PLUGINS.node, PLUGINS.plugins, 0.0), "plugin", "is it plugins?"),
        (Snapshot("u", PLUGINS.node, PLUGINS.plugins, 0.0), "difference", "since"),
    ],
)
def test_attributes(reading, attribute, right):
    """What is alike is named, and all that there is."""
    with pytest.raises(AttributeError, match=re.escape(right)):
        getattr(reading, attribute)
    assert not hasattr(reading, "__array__") and not hasattr(reading, "_x")


@pytest.mark.parametrize("kind", [TimerReading, RateReading])
def test_readings_stay_plain_values(kind):
    """They are copied, pickled and compared as before."""
    reading = DETECT.timers["inference"] if kind is TimerReading else DETECT.rates["fps"]
    assert copy.deepcopy(reading) == pickle.loads(pickle.dumps(reading)) == reading
    assert type(pickle.loads(pickle.dumps(reading))) is kind
    assert reading._replace(age=9.0).age == 9.0


@pytest.mark.parametrize("key", ["registry/yolo", "yolo", DETECT.identity])
def test_an_image_is_no_task(key):
    """The plugin is found by its task; the error has it."""
    with pytest.raises(UnknownPlugin, match=r"plugins\['detect'\]"):
        PLUGINS.plugins[key]
