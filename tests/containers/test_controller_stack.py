"""deploy/waggle/wes-live-controller on a node of its own, as rendered: both pods and a plugin's."""

import json

import pytest

from tests.collector.harness import Scrape, wait_until
from tests.deploy.manifests import PLUGIN_POD

from .node import Node, get

CONTROLLER = "wes-live-controller"
#: The knob that controller.yaml names: its default, and its cheapest choice.
KNOB, DEFAULT, CHEAPEST = "resolution", 320, 160


@pytest.fixture(scope="module")
def node(podman, collector_image, controller_image, plugin_image, tmp_path_factory):
    """A node with a plugin that misses its deadline, whatever is done about it."""
    made = Node(podman, tmp_path_factory.mktemp("node"), collector_image, plugin_image)
    made.images["waggle/wes-live-controller:0.1.0"] = controller_image
    made.maps["wes-live-control"] = {"token": "a-token"}
    try:
        made.start(CONTROLLER)
        made.plug(PLUGIN_POD.read_text(encoding="utf-8"))
        for held in made.maps.values():
            if "controller.yaml" in held:
                held["controller.yaml"] = held["controller.yaml"].replace("0.1\n", "0.0001\n")
        yield made
    finally:
        made.end()


def start(node, *more):
    """Start the controller's pod with more arguments than it has."""
    spec = node.pod_of(CONTROLLER)
    (container,) = spec["containers"]
    container = dict(container, args=[*container["args"], *more])
    hosts = {"wes-live-metrics": node.collector.address}
    return node.pod(dict(spec, containers=[container]), hosts).start()


def value(node):
    """Return the value of the plugin's knob, None while it has none."""
    knobs = json.loads(node.get("/api/v1/knobs"))["knobs"]
    return next((each["value"] for each in knobs if each["name"] == KNOB), None)


def test_its_pod_turns_knobs_with_act_alone(node):
    """As it stands it says what it would do, and is scraped. At its end the default is back."""
    wait_until(lambda: value(node) == DEFAULT)
    (container,) = node.pod_of(CONTROLLER)["containers"]
    (port,) = [each["containerPort"] for each in container["ports"]]
    probe = container["livenessProbe"]["httpGet"]["path"]

    dry = start(node)
    name = dry.containers[CONTROLLER]
    wait_until(lambda: "would set %s=%d" % (KNOB, CHEAPEST) in node.podman.log(name))
    shown = Scrape(get(dry, port, probe))
    assert shown.value("waggle_controller_acting") == 0
    assert shown.sum("waggle_controller_polls_total", outcome="ok") > 0
    assert value(node) == DEFAULT
    dry.stop()

    acting = start(node, "--act")
    wait_until(lambda: value(node) == CHEAPEST)
    acting.stop()
    wait_until(lambda: value(node) == DEFAULT)
