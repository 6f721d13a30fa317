"""The manifests for the Waggle Edge Stack, as kustomize renders them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.programs import program
from waggle_live.reporter.address import SERVICE_HOST, SERVICE_PORT
from waggle_live.wire.places import DEFAULT_SOCKET_PATHS
from waggle_live_collector import options

ROOT = Path(__file__).resolve().parents[2]
OVERLAYS = ROOT / "deploy" / "kubernetes" / "overlays"
DIRECTORY = os.path.dirname(DEFAULT_SOCKET_PATHS[0])


@pytest.fixture(scope="module", params=["socket", "tcp"])
def overlay(request, tmp_path_factory):
    """The name of an overlay, the file it is rendered to, and its objects by kind and name."""
    command = [program("kubectl", "kubernetes-client"), "kustomize", str(OVERLAYS / request.param)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    path = tmp_path_factory.mktemp(request.param) / "rendered.yaml"
    path.write_bytes(done.stdout)
    objects = {(o["kind"], o["metadata"]["name"]): o for o in yaml.safe_load_all(done.stdout)}
    return request.param, path, objects


def pod(overlay):
    """Return the pod's specification."""
    return overlay[2]["DaemonSet", "wes-live-metrics"]["spec"]["template"]["spec"]


def mounts(container):
    """Return what is mounted where."""
    return {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}


def test_no_field_is_misspelt(overlay):
    """kubernetes-validate knows each field, of an old Kubernetes and of a new one."""
    for version in ("1.25", "1.37"):
        command = [str(Path(sys.executable).with_name("kubernetes-validate")), "--strict"]
        command += ["--kubernetes-version", version, str(overlay[1])]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
        assert done.stdout.count("passed") == len(overlay[2])


def test_it_is_a_service_of_the_stack(overlay):
    """Priority, requests, limits, identity, scrape annotations, one name, no port of the host."""
    daemonset = overlay[2]["DaemonSet", "wes-live-metrics"]
    assert {o["metadata"].get("namespace") for o in overlay[2].values()} == {"default"}
    template = daemonset["spec"]["template"]
    assert template["metadata"]["annotations"]["prometheus.io/scrape"] == "true"
    assert template["metadata"]["annotations"]["prometheus.io/port"] == "9090"
    assert template["metadata"]["labels"] == daemonset["spec"]["selector"]["matchLabels"]
    spec = pod(overlay)
    assert spec["priorityClassName"] == "wes-high-priority"
    assert "hostNetwork" not in spec
    (container,) = spec["containers"]
    assert container["envFrom"] == [{"configMapRef": {"name": "wes-identity"}}]
    assert container["resources"] == {
        "limits": {"memory": "60Mi"},
        "requests": {"cpu": "100m", "memory": "50Mi"},
    }
    assert all("hostPort" not in port for port in container["ports"])


def test_it_has_no_rights(overlay):
    """As 10001, read-only, without capabilities; nothing but its directories can be written."""
    spec = pod(overlay)
    assert (spec["securityContext"]["runAsUser"], spec["securityContext"]["runAsNonRoot"]) == (
        10001,
        True,
    )
    for container in spec["containers"] + spec.get("initContainers", []):
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"] and not rights["allowPrivilegeEscalation"]
        assert rights["capabilities"]["drop"] == ["ALL"]
        assert rights["capabilities"].get("add", []) in ([], ["CHOWN"])
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    (container,) = spec["containers"]
    assert set(mounts(container)) == {DIRECTORY, "/run/waggle-live-state"}
    state = volumes[mounts(container)["/run/waggle-live-state"]]
    assert state["emptyDir"]["medium"] == "Memory"


def test_the_flags_are_there(overlay):
    """The collector takes each flag, and keeps its state in the volume for it."""
    (container,) = pod(overlay)["containers"]
    assert options.parse(container["args"]).state_file.startswith("/run/waggle-live-state/")


def test_each_node_answers_for_itself(overlay):
    """The Service leads to the pod of the same node, even while it waits for its plugins."""
    service = overlay[2]["Service", "wes-live-metrics"]["spec"]
    assert service["internalTrafficPolicy"] == "Local"
    assert service["publishNotReadyAddresses"] is True
    (container,) = pod(overlay)["containers"]
    named = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert {p["targetPort"]: p["port"] for p in service["ports"]} == named
    assert named["http"] == 9090


def test_plugins_reach_the_way_in_and_nothing_else(overlay):
    """They may not read; over TCP they may report to the port that the client looks for."""
    name, _, objects = overlay
    rules = objects["NetworkPolicy", "wes-live-metrics"]["spec"]["ingress"]
    others, *plugins = rules
    (expression,) = others["from"][0]["podSelector"]["matchExpressions"]
    assert expression == {"key": "role", "operator": "NotIn", "values": ["plugin"]}
    assert [port["port"] for port in others["ports"]] == [9090]
    if name == "socket":
        assert plugins == []
        return
    host, port = SERVICE_HOST, SERVICE_PORT
    service = objects["Service", "wes-live-metrics"]
    assert host.startswith("%(name)s.%(namespace)s.svc" % service["metadata"])
    assert port in [entry["port"] for entry in service["spec"]["ports"]]
    egress = objects["NetworkPolicy", "wes-plugin-network-policy-live-metrics"]["spec"]
    assert egress["podSelector"] == {"matchLabels": {"role": "plugin"}}
    for rule, peer in ((plugins[0], "from"), (egress["egress"][0], "to")):
        assert [entry["port"] for entry in rule["ports"]] == [port]
        assert len(rule[peer]) == 1 and set(rule[peer][0]) == {"namespaceSelector", "podSelector"}
    assert "--tcp.listen-address=:%d" % port in pod(overlay)["containers"][0]["args"]


def test_the_socket_lies_on_the_host_where_plugins_look(overlay):
    """In the socket overlay it is a directory of the host, which belongs to the collector."""
    volumes = {volume["name"]: volume for volume in pod(overlay)["volumes"]}
    volume = volumes[mounts(pod(overlay)["containers"][0])[DIRECTORY]]
    if overlay[0] == "tcp":
        assert "emptyDir" in volume
        return
    assert volume["hostPath"] == {"path": DIRECTORY, "type": "DirectoryOrCreate"}
    (first,) = pod(overlay)["initContainers"]
    assert first["command"] == ["chown", "10001:10001", DIRECTORY]
    assert mounts(first) == {DIRECTORY: volume["name"]}


def test_the_page_shows_what_the_scheduler_must_add():
    """The Go values name the same directory, for plugins read-only; the client looks there."""
    text = (ROOT / "docs" / "guides" / "deploy.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```go\n(.*?)```", text, re.DOTALL)
    assert re.findall(r'(?:Path|MountPath): +"([^"]+)"', code) == [DIRECTORY, DIRECTORY]
    assert re.search(r"ReadOnly: +true", code)
    assert len(set(re.findall(r'Name: +"([^"]+)"', code))) == 1
