"""deploy/waggle on a node of its own: the collector's pod and plugins' pods, as rendered."""

import json
import urllib.request
import uuid

import pytest
import yaml

from tests.collector.harness import Scrape, wait_until
from tests.collector.redis_server import RedisServer
from tests.deploy.manifests import PLUGIN_POD, objects, render
from tests.deploy.test_waggle import DIRECTORY, MARK
from waggle_live.reporter.address import SERVICE_HOST

from .pods import Pod

CACHE = "wes-app-meta-cache"
MAPS = {
    "wes-identity": {"WAGGLE_NODE_ID": "000048b02d15bc7c", "WAGGLE_NODE_VSN": "W023"},
    "waggle-data-config": {"data-config.json": "[]"},
    "wes-audio-server-plugin-conf": {"asound.conf": ""},
}
LABELS = {
    "plugin": "registry.sagecontinuum.org/demo/mover-counter",
    "plugin_task": "movers",
    "plugin_job": "traffic",
}


class Node:
    """A node with the stack's Redis and the collector; plugins' pods come and go."""

    def __init__(self, podman, host, collector_image, plugin_image):
        self.podman, self.host = podman, host
        self.images = {
            "waggle/wes-live-metrics:0.1.0": collector_image,
            LABELS["plugin"] + ":0.1.0": plugin_image,
        }
        self.pods, self.redis = [], None

    def start(self):
        """Start Redis, then the collector."""
        cache = self.pod({"containers": [], "volumes": []}, {})
        self.redis = RedisServer(
            str(self.host), host=cache.address, within=["nsenter", "--net", "--target", cache.pid]
        )
        self.redis.start()
        stack = objects(render("wes-live-metrics"))
        spec = stack["DaemonSet", "wes-live-metrics"]["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        self.ready = container["readinessProbe"]["httpGet"]["path"]
        (self.port,) = [p["containerPort"] for p in container["ports"] if p["name"] == "http"]
        self.collector = self.pod(spec, {CACHE: cache.address}).start()
        wait_until(self.is_ready)
        return self

    def replace(self):
        """Stop the collector's pod and start another, as an update of its image does."""
        self.collector.stop()
        hosts = {CACHE: self.pods[0].address}
        self.collector = self.pod(self.collector.spec, hosts).start()
        wait_until(self.is_ready)

    def pod(self, spec, hosts, uid=None):
        """Return a pod that isn't started."""
        uid = uid or str(uuid.uuid4())
        where = {"host": self.host, "images": self.images, "hosts": hosts, "maps": MAPS}
        self.pods.append(Pod(self.podman, spec, uid=uid, **where))
        return self.pods[-1]

    def plug(self, text):
        """Start the plugin's pod of a YAML text; its record is written as by its init container."""
        spec, uid = yaml.safe_load(text)["spec"], str(uuid.uuid4())
        pod = self.pod(spec, {SERVICE_HOST: self.collector.address}, uid)
        (first,) = spec["initContainers"]
        *_, key, record = pod.words(first, "command")
        assert key == "app-meta." + uid
        # Its program adds the zone that the node is labelled with.
        self.redis.set(uid, json.dumps(dict(json.loads(record), zone="core")))
        return uid, pod.start(without=[first["name"]])

    def get(self, path):
        """Return what the collector answers, None while it doesn't."""
        url = "http://%s:%d%s" % (self.collector.address, self.port, path)
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            return None

    def is_ready(self):
        """Ask as the kubelet's probe does."""
        return self.get(self.ready) is not None

    def scrape(self):
        """Return what is shown, None while nothing is."""
        text = self.get("/metrics")
        return text and Scrape(text)

    def frames(self, labels):
        """Return how many frames the pods of a plugin have counted, None while nothing is shown."""
        shown = self.scrape()
        return shown and shown.sum("waggle_count_total", name="frames", **labels)

    def info(self, labels):
        """Return what is known of a plugin."""
        ((info, _),) = self.scrape().all("waggle_plugin_info", **labels)
        return info

    def end(self):
        """Remove everything."""
        if self.redis is not None:
            self.redis.stop()
        for pod in reversed(self.pods):
            pod.remove()


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
