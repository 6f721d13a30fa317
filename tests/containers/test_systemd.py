"""The units of deploy/systemd under a real systemd, in a container of its own."""

import json
import time
import uuid

import pytest

from tests.collector.harness import wait_until
from waggle_live_collector.version import VERSION

from .podman import ROOT

UNITS = ROOT / "deploy" / "systemd"
SERVICE, SOCKET = "waggle-live-collector.service", "waggle-live-collector.socket"
STATE = "/run/waggle-live-state/state"
PATH = "/run/waggle/live-metrics/live_metrics.sock"
#: Restarts come faster here than the unit says, so that many of them happen soon.
FASTER = "[Service]\nExecStopPost=\nRestartSec=100ms\n"
#: More failed starts than systemd forgives by default: five in ten seconds.
FAILED_STARTS = 12

ASK = """
import sys, urllib.request
print(urllib.request.urlopen("http://127.0.0.1:9090" + sys.argv[1], timeout=5).read().decode())
"""
#: A plugin that counts to 7, and then only stays.
PLUGIN = """
import json, socket, sys, time
def session():
    plugin = socket.socket(socket.AF_UNIX)
    plugin.connect("/run/waggle/live-metrics/live_metrics.sock")
    def say(**message):
        plugin.sendall(json.dumps(message).encode() + b"\\n")
    say(type="hello", version=1, session=sys.argv[1], key="k" * 32, plugin="demo", task=sys.argv[1])
    cell = {"name": "frames", "labels": {}, "kind": "counter", "age": 0, "value": 7}
    say(type="update", number=time.monotonic_ns(), monotonic=time.monotonic(), cells=[cell])
    while plugin.recv(4096):
        pass
while True:
    try:
        session()
    except OSError:
        pass
    time.sleep(0.05)
"""
#: The same once: it says goodbye, and has its answer.
ONE_SHOT = """
import json, socket
plugin = socket.socket(socket.AF_UNIX)
plugin.connect("/run/waggle/live-metrics/live_metrics.sock")
cell = {"name": "frames", "labels": {}, "kind": "counter", "age": 0, "value": 7}
for message in (
    dict(type="hello", version=1, session="one-shot", key="k" * 32, plugin="demo", task="one-shot"),
    dict(type="update", number=1, monotonic=1.0, cells=[cell]),
    dict(type="bye", number=1, status="ok"),
):
    plugin.sendall(json.dumps(message).encode() + b"\\n")
answers = b""
while b"applied" not in answers:
    answers += plugin.recv(4096) or exit(1)
"""
#: Another environment beside that of the collector, with another version.
NEXT_RELEASE = """
cp -a /opt/collector /opt/next
sed -i 1s,/opt/collector,/opt/next, /opt/next/bin/waggle-live-collector
sed -i s/%s/9.9.9/ /opt/next/lib/python3*/site-packages/waggle_live_collector/version.py
""" % (VERSION.replace(".", "[.]"))
#: What has the port until a connection comes, and its line in /proc/net/tcp.
OCCUPANT = """
import socket
socket.create_server(("", 9090)).accept()
"""
LISTENING = "00000000:2382 00000000:0000 0A"


class Machine:
    """A machine that was started by systemd; ``call`` runs a program on it."""

    def __init__(self, podman, image):
        self._podman = podman
        self.name = podman.name("machine")
        units = ["--volume=%s:/etc/systemd/system/%s:ro" % (p, p.name) for p in UNITS.iterdir()]
        podman(
            *("run", "--detach", "--name", self.name, "--systemd=always", "--privileged"),
            # The machine's own cgroups lie at the top, as on a node.
            "--cgroupns=private",
            # Its end would have this machine's kernel forget how to run other architectures.
            "--volume=/dev/null:/etc/systemd/system/systemd-binfmt.service:ro",
            *(*units, image, "/lib/systemd/systemd"),
        )
        wait_until(lambda: self.call("systemctl", "is-system-running", codes=None) == "running")
        # Where the unit looks for it.
        self.call("ln", "-s", "/opt/collector", "/opt/waggle-live")

    def call(self, *words, codes=(0,), detach=False):
        """Run a program and return what it printed."""
        return self._podman("exec", *["--detach"] * detach, self.name, *words, codes=codes)

    def systemctl(self, *words, **how):
        """Run systemctl."""
        return self.call("systemctl", *words, **how)

    def states(self):
        """Return whether the service and the socket are active, in systemd's words."""
        return self.systemctl("is-active", SERVICE, SOCKET, codes=None).split()

    def get(self, path):
        """Return what the collector answers, "" while it doesn't."""
        return self.call("python3", "-c", ASK, path, codes=(0, 1))

    def plugin(self, task):
        """Return what is shown of a plugin, None until something is counted."""
        text = self.get("/api/v1/plugins")
        found = [p for p in json.loads(text)["plugins"] if p["plugin_task"] == task] if text else []
        return found[0] if found and found[0]["counters"] else None

    def occupy(self):
        """Start what has the collector's port until a connection comes."""
        self.call("systemd-run", "--collect", "--unit=occupant", "python3", "-c", OCCUPANT)
        wait_until(lambda: self.call("grep", LISTENING, "/proc/net/tcp", codes=(0, 1)))

    def log(self):
        """Return the last lines of the service."""
        return self.call("journalctl", "--unit", SERVICE, "--lines=50", "--output=cat")

    def inode(self):
        """Return the number of the socket's file."""
        return self.call("stat", "--format=%i", PATH)

    def property(self, name, unit=SERVICE):
        """Return what systemd knows of a unit."""
        return self.systemctl("show", "--value", "--property=" + name, unit)


@pytest.fixture(scope="module")
def machine(podman, systemd_image):
    """A machine on which both units are enabled, as docs/guides/deploy.md says, and ready."""
    made = Machine(podman, systemd_image)
    made.systemctl("enable", "--now", SOCKET, SERVICE)
    wait_until(lambda: made.get("/-/ready"))
    return made


@pytest.fixture()
def plugin(machine):
    """A plugin in a pod's cgroup: its task, and the pod's uid. It connects whenever it can."""
    uid, task = str(uuid.uuid4()), "task-" + uuid.uuid4().hex[:8]
    slice_ = "kubepods-besteffort-pod%s.slice" % uid.replace("-", "_")
    scope = ["systemd-run", "--scope", "--unit=cri-containerd-" + uid, "--slice=" + slice_]
    machine.call(*scope, "python3", "-c", PLUGIN, task, detach=True)
    yield task, uid
    machine.systemctl("kill", "--signal=KILL", "cri-containerd-%s.scope" % uid)


def test_the_hardened_service_sees_who_a_plugin_is(machine, plugin):
    """A user of its own with no right at all reads the pod of a process of another user."""
    task, uid = plugin
    shown = wait_until(lambda: machine.plugin(task))
    assert (shown["verified"], shown["app_id"]) == (True, uid)
    assert shown["counters"][0]["total"] == 7
    pid = machine.property("MainPID")
    status = machine.call("cat", "/proc/%s/status" % pid)
    rights = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert (int(rights["CapEff"], 16), int(rights["CapBnd"], 16), rights["NoNewPrivs"]) == (
        0,
        0,
        "1",
    )
    assert "0" not in rights["Uid"].split()


def test_a_kill_and_a_restart_leave_socket_and_counters(machine, plugin):
    """The file is the very same one, and what was counted is shown again."""
    task, _ = plugin
    wait_until(lambda: machine.plugin(task))
    inode = machine.inode()
    for command in (("kill", "--signal=KILL", SERVICE), ("restart", SERVICE)):
        before = machine.property("MainPID")
        machine.systemctl(*command)
        wait_until(lambda: machine.property("MainPID") not in ("0", before))  # noqa: B023
        wait_until(lambda: machine.get("/-/ready"))
        assert wait_until(lambda: machine.plugin(task))["counters"][0]["total"] == 7
        assert machine.inode() == inode


def test_stop_stops(machine, plugin):
    """Plugins that try to connect all the time don't start it again; a start brings both back."""
    task, _ = plugin
    wait_until(lambda: machine.plugin(task))
    machine.systemctl("stop", SERVICE)
    wait_until(lambda: machine.states() == ["inactive", "inactive"])
    end = time.monotonic() + 2
    while time.monotonic() < end:
        assert machine.states() == ["inactive", "inactive"]
        assert machine.call("ls", PATH, codes=(2,)) == ""
    machine.systemctl("start", SERVICE)
    wait_until(lambda: machine.plugin(task))
    assert machine.states() == ["active", "active"]


def test_stop_stops_what_fails_again_and_again(machine, plugin):
    """In a start and between two of them: plugins that try to connect don't start it again."""
    wait_until(lambda: machine.plugin(plugin[0]))
    machine.systemctl("stop", SERVICE)
    machine.occupy()
    for seconds in (0.3, 1.3):
        machine.systemctl("start", "--no-block", SERVICE)
        wait_until(lambda: int(machine.property("NRestarts")) >= 1)
        time.sleep(seconds)
        machine.systemctl("stop", SERVICE)
        wait_until(lambda: machine.states()[1] == "inactive")
        time.sleep(0.5)
        service, socket = machine.states()
        assert service in ("inactive", "failed") and socket == "inactive"
    machine.systemctl("kill", "--signal=KILL", "occupant.service")
    machine.systemctl("start", SERVICE)
    wait_until(lambda: machine.plugin(plugin[0]))


def test_an_update_and_the_way_back_lose_no_count(machine, plugin):
    """The link is switched, as docs/guides/operate.md says; what has ended is counted on.

    A state file of a later release is refused; once it is moved away the collector is back.
    """
    wait_until(lambda: machine.plugin(plugin[0]))
    machine.call("python3", "-c", ONE_SHOT)
    inode = machine.inode()
    machine.call("sh", "-c", NEXT_RELEASE)
    for name, version in (("next", "9.9.9"), ("collector", VERSION)):
        machine.call("ln", "-sfn", name, "/opt/waggle-live")
        machine.systemctl("restart", SERVICE)
        wait_until(lambda: machine.plugin(plugin[0]))
        ready = "ready: version=" + version
        wait_until(lambda ready=ready: ready in machine.log().splitlines()[-1])
        assert machine.plugin(plugin[0])["counters"][0]["total"] == 7
        assert machine.plugin("one-shot")["counters"][0]["total"] == 7
        assert machine.inode() == inode

    machine.systemctl("stop", SERVICE)
    machine.call("sh", "-c", "echo '{\"format\": 99}' > %s" % STATE)
    machine.systemctl("start", SERVICE)
    refused = "state file %s: its format is 99, of a newer collector" % STATE
    wait_until(lambda: refused in machine.log())
    machine.call("mv", STATE, STATE + ".newer")
    wait_until(lambda: machine.plugin(plugin[0]))
    assert machine.plugin(plugin[0])["counters"][0]["total"] == 7


def test_it_never_gives_up(machine, plugin):
    """With its port taken it fails again and again; once that is free it is back by itself."""
    task, _ = plugin
    wait_until(lambda: machine.plugin(task))
    machine.systemctl("stop", SERVICE)
    path = "/etc/systemd/system/%s.d/faster.conf" % SERVICE
    machine.call("sh", "-c", "mkdir -p $(dirname %s); printf '%s' > %s" % (path, FASTER, path))
    machine.systemctl("daemon-reload")
    machine.occupy()  # before the plugin's connection can start the service
    machine.systemctl("start", SOCKET)
    machine.systemctl("start", SERVICE)
    wait_until(lambda: int(machine.property("NRestarts")) >= FAILED_STARTS, seconds=60)
    wait_until(lambda: "can't serve HTTP" in machine.log())
    assert machine.states()[1] == "active"
    machine.systemctl("kill", "--signal=KILL", "occupant.service")
    wait_until(lambda: machine.plugin(task))
    assert machine.states() == ["active", "active"]
    machine.call("rm", path)
    machine.systemctl("daemon-reload")
