"""deploy/waggle on a node of its own: the collector's pod and plugins' pods, as rendered."""

import json

import pytest

from tests.collector.harness import wait_until
from tests.deploy.manifests import PLUGIN_POD
from tests.deploy.test_waggle import DIRECTORY, MARK

from .node import LABELS, Node


@pytest.fixture(scope="module")
def node(podman, collector_image, plugin_image, tmp_path_factory):
    """A node on which the collector is ready."""
    made = Node(podman, tmp_path_factory.mktemp("node"), collector_image, plugin_image)
    try:
        yield made.start()
    finally:
        made.end()


def test_a_plugin_with_the_mount_is_proven(node):
    """Its numbers stand on port 9090 under the stack's labels, and no plugin could claim them.

    The collector's container is killed and started anew, then its pod is replaced: neither time
    less is shown than before, and the plugin, which never noticed, is proven again.
    """
    uid, pod = node.plug(PLUGIN_POD.read_text(encoding="utf-8"))
    wait_until(lambda: (node.frames(LABELS) or 0) > 10)
    info = node.info(LABELS)
    assert (info["app_id"], info["verified"], info["version"]) == (uid, "yes", "0.1.0")
    assert (info["host"], info["zone"]) == ("node-1", "core")
    wanted = {"node_id": "000048b02d15bc7c", "vsn": "W023", "host": "node-1"}
    assert node.scrape().value("waggle_node_info", **wanted) == 1
    directory = node.host / DIRECTORY.lstrip("/")
    assert (directory.stat().st_uid, directory.stat().st_mode & 0o777) == (10001, 0o755)
    remove = "import os, sys; os.unlink(sys.argv[1])"
    name = pod.containers["movers"]
    socket = DIRECTORY + "/live_metrics.sock"
    node.podman("exec", name, "python3", "-c", remove, socket, codes=(1,))

    for again in (lambda: node.collector.restart("wes-live-metrics"), node.replace):
        before = node.frames(LABELS)
        again()
        wait_until(node.is_ready)
        assert node.frames(LABELS) >= before
        wait_until(lambda: node.frames(LABELS) > before + 10)  # noqa: B023
        assert node.info(LABELS)["verified"] == "yes"
    pod.stop()
    whole = node.frames(LABELS)
    node.replace()
    assert node.frames(LABELS) == whole


def test_a_plugin_without_the_mount_reports_over_tcp(node):
    """Today's pod finds the Service; its labels are what it claims, and said to be unproven."""
    text = PLUGIN_POD.read_text(encoding="utf-8")
    today = "\n".join(line for line in text.splitlines() if not line.endswith(MARK))
    uid, pod = node.plug(today.replace("traffic", "traffic-today"))
    labels = dict(LABELS, plugin_job="traffic-today")

    wait_until(lambda: (node.frames(labels) or 0) > 10)
    info = node.info(labels)
    assert (info["app_id"], info["verified"]) == (uid, "no")
    plugins = json.loads(node.get("/api/v1/plugins"))["plugins"]
    verified = {each["plugin_job"]: each["verified"] for each in plugins}
    assert verified["traffic-today"] is False
    pod.remove()
