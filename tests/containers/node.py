"""A node of the stack: its Redis, the pods of a folder of deploy/waggle, and plugins' pods."""

import json
import urllib.request
import uuid

import yaml

from tests.collector.harness import Scrape, wait_until
from tests.collector.redis_server import RedisServer
from tests.deploy.manifests import objects, render
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
        #: What ConfigMaps and Secrets hold, by name.
        self.maps = dict(MAPS)
        self.pods, self.redis = [], None

    def start(self, folder="wes-live-metrics"):
        """Start Redis, then the collector as a folder of deploy/waggle has it."""
        cache = self.pod({"containers": [], "volumes": []}, {})
        self.redis = RedisServer(
            str(self.host), host=cache.address, within=["nsenter", "--net", "--target", cache.pid]
        )
        self.redis.start()
        self.stack = objects(render(folder))
        self.maps.update((n, o["data"]) for (k, n), o in self.stack.items() if k == "ConfigMap")
        spec = self.pod_of("wes-live-metrics")
        (container,) = spec["containers"]
        self.ready = container["readinessProbe"]["httpGet"]["path"]
        (self.port,) = [p["containerPort"] for p in container["ports"] if p["name"] == "http"]
        self.collector = self.pod(spec, {CACHE: cache.address}).start()
        wait_until(self.is_ready)
        return self

    def pod_of(self, name):
        """Return the specification of a DaemonSet's pods."""
        return self.stack["DaemonSet", name]["spec"]["template"]["spec"]

    def replace(self):
        """Stop the collector's pod and start another, as an update of its image does."""
        self.collector.stop()
        hosts = {CACHE: self.pods[0].address}
        self.collector = self.pod(self.collector.spec, hosts).start()
        wait_until(self.is_ready)

    def pod(self, spec, hosts, uid=None):
        """Return a pod that isn't started."""
        uid = uid or str(uuid.uuid4())
        where = {"host": self.host, "images": self.images, "hosts": hosts, "maps": self.maps}
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
        return get(self.collector, self.port, path)

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


def get(pod, port, path):
    """Return what a pod answers on a port, None while it doesn't."""
    try:
        with urllib.request.urlopen(
            "http://%s:%d%s" % (pod.address, port, path), timeout=5
        ) as answer:
            return answer.read().decode()
    except OSError:
        return None
