"""The manifests that let a controller turn knobs, as kustomize renders them."""

import pytest

from waggle_live_collector import options
from waggle_live_controller.service.config import load

from .manifests import complaints, objects, render


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """The file that the folder is rendered to, and its objects by kind and name."""
    path = tmp_path_factory.mktemp("control") / "rendered.yaml"
    path.write_bytes(render("wes-live-controller"))
    return path, objects(path.read_bytes())


def spec(rendered, name):
    """Return the specification of a DaemonSet's pods."""
    return rendered[1]["DaemonSet", name]["spec"]["template"]["spec"]


def test_no_field_is_misspelt(rendered):
    """kubernetes-validate knows each field, of an old Kubernetes and of a new one."""
    assert complaints(rendered[0]) == []


def test_both_have_the_token(rendered):
    """From one Secret, and the collector takes the flag that names it."""
    paths = set()
    for name in ("wes-live-metrics", "wes-live-controller"):
        pod = spec(rendered, name)
        (container,) = pod["containers"]
        (mount,) = [each for each in container["volumeMounts"] if each["name"] == "control"]
        (volume,) = [each for each in pod["volumes"] if each["name"] == "control"]
        assert volume["secret"] == {"secretName": "wes-live-control", "defaultMode": 0o440}
        assert mount["readOnly"] is True
        paths.add(mount["mountPath"] + "/token")
    (container,) = spec(rendered, "wes-live-metrics")["containers"]
    assert {options.parse(container["args"]).control_token_file} == paths


def test_the_controller_has_no_rights_and_only_says_what_it_would_do(rendered):
    """As 10001, read-only, without capabilities; --act is the operator's to add."""
    pod = spec(rendered, "wes-live-controller")
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == 10001
    (container,) = pod["containers"]
    rights = container["securityContext"]
    assert rights["readOnlyRootFilesystem"] and not rights["allowPrivilegeEscalation"]
    assert rights["capabilities"] == {"drop": ["ALL"]}
    assert "--act" not in container["args"]
    (flag,) = container["args"]
    assert flag == "--config=%s/controller.yaml" % container["volumeMounts"][0]["mountPath"]


def test_the_file_is_one_that_it_takes(rendered, tmp_path):
    """Of the node's own collector, with metrics where they are scraped."""
    pod = spec(rendered, "wes-live-controller")
    (volume,) = [each for each in pod["volumes"] if each["name"] == "config"]
    text = rendered[1]["ConfigMap", volume["configMap"]["name"]]["data"]["controller.yaml"]
    (tmp_path / "token").write_text("a-token")
    where = "/run/secrets/wes-live-control/token"
    assert where in text
    path = tmp_path / "controller.yaml"
    path.write_text(text.replace(where, str(tmp_path / "token")))
    config = load(str(path))
    service = rendered[1]["Service", "wes-live-metrics"]
    (port,) = [each["port"] for each in service["spec"]["ports"] if each["name"] == "http"]
    (node,) = config.nodes
    assert node.node.url == "http://%s:%d" % (service["metadata"]["name"], port)
    (container,) = pod["containers"]
    (http,) = container["ports"]
    assert config.listen == ":%d" % http["containerPort"]
    policy = rendered[1]["NetworkPolicy", "wes-live-controller"]["spec"]
    assert policy["ingress"][0]["ports"] == [{"protocol": "TCP", "port": http["containerPort"]}]
