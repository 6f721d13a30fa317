"""Each file of deploy/ is rendered or run by a test."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Each test with the files of deploy/ that it renders or runs.
TRIED = {
    # A program of several modules, and what it makes.
    "deploy/test_grafana.py": ["__init__.py", "grafana/*.py", "grafana/*.json"],
    "deploy/test_prometheus_rules.py": [
        *("prometheus/prometheus.yml", "prometheus/prometheus-native.yml"),
        *("prometheus/prometheus-kubernetes.yml", "prometheus/prometheus-native-kubernetes.yml"),
        *("prometheus/targets/nodes.json", "prometheus/rules/*.yml", "prometheus/tests/*.yml"),
        "prometheus/rules/native/*.yml",
    ],
    "deploy/test_waggle.py": ["waggle/wes-live-metrics/*.yaml", "waggle/plugin-pod.yaml"],
    "containers/test_waggle_stack.py": ["waggle/wes-live-metrics/*.yaml", "waggle/plugin-pod.yaml"],
    "deploy/test_waggle_control.py": ["waggle/wes-live-controller/*.yaml"],
    "containers/test_controller_stack.py": ["waggle/wes-live-controller/*.yaml"],
    "containers/test_systemd.py": [
        *("systemd/waggle-live-collector.service", "systemd/waggle-live-collector.socket"),
    ],
}
#: What is written by hand into a folder that is rendered whole: kustomize must name it.
KUSTOMIZED = "wes-live-metrics", "wes-live-controller"


def files():
    """Return the files of deploy/ that git would take."""
    folder = ROOT / "deploy"
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(p.relative_to(folder)) for p in found if "__pycache__" not in p.parts}


def test_each_file_is_tried():
    """A file that no test here is listed for fails, and so does a line without its file."""
    known = set()
    for test, patterns in TRIED.items():
        assert (ROOT / "tests" / test).is_file(), test
        for pattern in patterns:
            found = {str(p.relative_to(ROOT / "deploy")) for p in (ROOT / "deploy").glob(pattern)}
            assert found, pattern
            known |= found
    assert files() - known == set()


@pytest.mark.parametrize("folder", KUSTOMIZED)
def test_kustomize_renders_each_file(folder):
    """No file of such a folder is left out of its kustomization."""
    path = ROOT / "deploy" / "waggle" / folder
    text = (path / "kustomization.yaml").read_text(encoding="utf-8")
    named = set(re.findall(r"[\w-]+\.yaml", text.partition("apiVersion")[2]))
    assert {each.name for each in path.iterdir()} == named | {"kustomization.yaml"}
