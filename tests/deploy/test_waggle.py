"""The collector's manifests for the Waggle Edge Stack, and the plugin's pod beside them."""

import os
import re

import pytest
import yaml

from waggle_live.reporter.address import SERVICE_HOST, SERVICE_PORT
from waggle_live.wire.places import DEFAULT_SOCKET_PATHS
from waggle_live_collector import options

from .manifests import PLUGIN_POD, ROOT, complaints, objects, render

DIRECTORY = os.path.dirname(DEFAULT_SOCKET_PATHS[0])
STATE = "/run/waggle-live-state"
#: What marks each line of the plugin's pod that the scheduler must add.
MARK = "# live metrics"


@pytest.fixture(scope="module")
def text():
    """What kubectl applies."""
    return render("wes-live-metrics")


@pytest.fixture(scope="module")
def stack(text):
    """Its objects by kind and name."""
    return objects(text)


@pytest.fixture(scope="module")
def pod(stack):
    """The specification of the collector's pod."""
    return stack["DaemonSet", "wes-live-metrics"]["spec"]["template"]["spec"]


@pytest.fixture()
def plugin():
    """The plugin's pod."""
    return yaml.safe_load(PLUGIN_POD.read_text(encoding="utf-8"))


def mounts(container):
    """Return what is mounted where."""
    return {mount["mountPath"]: mount for mount in container["volumeMounts"]}


def volumes(spec):
    """Return the volumes of a pod by name."""
    return {volume["name"]: volume for volume in spec["volumes"]}


def test_no_field_is_misspelt(text, tmp_path):
    """kubernetes-validate knows each field, of an old Kubernetes and of a new one."""
    (tmp_path / "rendered.yaml").write_bytes(text)
    assert complaints(tmp_path / "rendered.yaml", PLUGIN_POD) == []


def test_it_is_a_service_of_the_stack(stack, pod):
    """Priority, requests, limits, identity, scrape annotations, one name, no port of the host."""
    daemonset = stack["DaemonSet", "wes-live-metrics"]
    assert {o["metadata"].get("namespace") for o in stack.values()} == {"default"}
    template = daemonset["spec"]["template"]
    assert template["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "9090",
    }
    assert template["metadata"]["labels"] == daemonset["spec"]["selector"]["matchLabels"]
    assert pod["priorityClassName"] == "wes-high-priority"
    assert "hostNetwork" not in pod
    (container,) = pod["containers"]
    assert container["envFrom"] == [{"configMapRef": {"name": "wes-identity"}}]
    assert container["resources"] == {
        "limits": {"memory": "60Mi"},
        "requests": {"cpu": "100m", "memory": "50Mi"},
    }
    assert all("hostPort" not in port for port in container["ports"])
    for each in pod["containers"] + pod["initContainers"]:
        assert each["imagePullPolicy"] == "IfNotPresent"
        assert re.fullmatch(r"waggle/wes-live-metrics:\d+\.\d+\.\d+", each["image"])
        assert "cpu" not in each["resources"]["limits"]


def test_it_has_no_rights(pod):
    """As 10001, read-only, without capabilities; nothing but its directories can be written."""
    rights = pod["securityContext"]
    assert (rights["runAsUser"], rights["runAsNonRoot"]) == (10001, True)
    for container in pod["containers"] + pod["initContainers"]:
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"] and not rights["allowPrivilegeEscalation"]
        assert rights["capabilities"]["drop"] == ["ALL"]
        assert rights["capabilities"].get("add", []) in ([], ["CHOWN"])
    (container,) = pod["containers"]
    assert set(mounts(container)) == {DIRECTORY, STATE}
    state = volumes(pod)[mounts(container)[STATE]["name"]]["hostPath"]["path"]
    assert state.startswith("/run/") and not state.startswith(DIRECTORY + "/")


def test_the_flags_are_there(pod):
    """The collector takes each flag, keeps its state in the volume for it, and proves plugins."""
    (container,) = pod["containers"]
    parsed = options.parse(container["args"])
    assert parsed.state_file.startswith(STATE + "/")
    assert parsed.tcp_listen_address == ("", SERVICE_PORT)
    assert parsed.identity_verify == "warn" and pod["hostPID"] is True


def test_each_node_answers_for_itself(stack, pod):
    """The Service leads to the pod of the same node, even while it waits for its plugins."""
    service = stack["Service", "wes-live-metrics"]
    assert service["spec"]["internalTrafficPolicy"] == "Local"
    assert service["spec"]["publishNotReadyAddresses"] is True
    (container,) = pod["containers"]
    named = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert {p["targetPort"]: p["port"] for p in service["spec"]["ports"]} == named
    assert named == {"http": 9090, "plugins": SERVICE_PORT}
    assert SERVICE_HOST.startswith("%(name)s.%(namespace)s.svc" % service["metadata"])


def allowed(rules, peer, labels):
    """Return the ports that rules of a policy open for a pod with these labels."""
    ports = set()
    for rule in rules:
        for each in rule[peer]:
            selector = each["podSelector"]
            wanted = selector.get("matchLabels", {})
            refused = [e["values"] for e in selector.get("matchExpressions", [])]
            right = all(labels.get(name) == value for name, value in wanted.items())
            if right and not any(labels.get("role") in values for values in refused):
                ports |= {port["port"] for port in rule["ports"]}
    return ports


def test_plugins_reach_the_way_in_and_nothing_else(stack, pod, plugin):
    """A plugin's pod may report and not read; every other pod may read and not report."""
    ours = stack["NetworkPolicy", "wes-live-metrics"]["spec"]
    labels = plugin["metadata"]["labels"]
    template = stack["DaemonSet", "wes-live-metrics"]["spec"]["template"]
    for expression in ours["ingress"][0]["from"][0]["podSelector"]["matchExpressions"]:
        assert (expression["key"], expression["operator"]) == ("role", "NotIn")
    assert ours["podSelector"]["matchLabels"] == template["metadata"]["labels"]
    assert allowed(ours["ingress"], "from", labels) == {SERVICE_PORT}
    assert allowed(ours["ingress"], "from", {}) == {9090}
    egress = stack["NetworkPolicy", "wes-plugin-network-policy-live-metrics"]["spec"]
    assert egress["podSelector"] == {"matchLabels": {"role": labels["role"]}}
    assert allowed(egress["egress"], "to", template["metadata"]["labels"]) == {SERVICE_PORT}
    assert allowed(egress["egress"], "to", {}) == set()


def test_the_socket_lies_on_the_host_where_plugins_look(pod, plugin):
    """One directory of the host: the collector's, made its own, and read-only in the plugin."""
    (container,) = pod["containers"]
    volume = volumes(pod)[mounts(container)[DIRECTORY]["name"]]
    assert volume["hostPath"] == {"path": DIRECTORY, "type": "DirectoryOrCreate"}
    (first,) = pod["initContainers"]
    assert first["command"] == ["chown", "10001:10001", DIRECTORY, STATE]
    assert mounts(first) == mounts(container)
    (container,) = plugin["spec"]["containers"]
    mount = mounts(container)[DIRECTORY]
    assert mount["readOnly"] is True
    assert volumes(plugin["spec"])[mount["name"]]["hostPath"] == volume["hostPath"]


def test_the_marked_lines_are_one_volume_and_one_mount(plugin):
    """Without them the plugin's pod is whole, and the head of the file says how many they are."""
    lines = PLUGIN_POD.read_text(encoding="utf-8").splitlines()
    marked = [line for line in lines[2:] if line.endswith(MARK)]
    assert len(marked) == 7 and "Seven lines" in " ".join(lines[:2])
    today = yaml.safe_load("\n".join(line for line in lines if line not in marked))
    (container,) = plugin["spec"]["containers"]
    container["volumeMounts"] = container["volumeMounts"][:-1]
    plugin["spec"]["volumes"] = plugin["spec"]["volumes"][:-1]
    assert today == plugin


def test_the_page_shows_what_the_scheduler_must_add():
    """The Go values name the same directory, for plugins read-only; the client looks there."""
    text = (ROOT / "docs" / "guides" / "deploy.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```go\n(.*?)```", text, re.DOTALL)
    assert re.findall(r'(?:Path|MountPath): +"([^"]+)"', code) == [DIRECTORY, DIRECTORY]
    assert re.search(r"ReadOnly: +true", code)
    assert len(set(re.findall(r'Name: +"([^"]+)"', code))) == 1
