"""What deploy/prometheus/ has, as Prometheus' own tool judges it."""

import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.programs import program

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
RULE_TESTS = sorted((FOLDER / "tests").glob("*.yml"))


def load(path):
    """Return what a YAML file says."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def promtool(*arguments):
    """Run promtool; what it complains of is the failure."""
    done = subprocess.run(
        [program("promtool", "prometheus"), *map(str, arguments)],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_configuration_and_its_rules_are_valid():
    """The configuration with its files of targets and rules is one that Prometheus takes."""
    promtool("check", "config", FOLDER / "prometheus.yml")
    promtool("check", "rules", *sorted((FOLDER / "rules").glob("*.yml")))


def test_the_kubernetes_configuration_is_valid(tmp_path):
    """So is the one for Kubernetes, but for the discovery, which Debian's build doesn't have."""
    config = load(FOLDER / "prometheus-kubernetes.yml")
    for job in config["scrape_configs"]:
        assert job.pop("kubernetes_sd_configs")
    config["rule_files"] = [str(FOLDER / "rules" / "*.yml")]
    path = tmp_path / "prometheus.yml"
    path.write_text(json.dumps(config))
    promtool("check", "config", path)


POD = {
    "__meta_kubernetes_pod_phase": "Running",
    "__meta_kubernetes_pod_ip": "10.42.0.7",
    "__meta_kubernetes_pod_node_name": "0000000000000007.core",
}
LABELLED = {
    "__meta_kubernetes_node_label_sagecontinuum_org_node_id": "0000000000000007",
    "__meta_kubernetes_node_label_sagecontinuum_org_vsn": "W007",
}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({**POD, **LABELLED}, {"node_id": "0000000000000007", "vsn": "W007"}),
        (POD, {"node_id": "0000000000000007.core"}),
        ({**POD, "__meta_kubernetes_pod_phase": "Pending"}, None),
    ],
    ids=["labelled", "unlabelled", "pending"],
)
def test_a_pod_becomes_the_target_of_its_node(tmp_path, labels, expected):
    """A running pod is scraped at port 9090, under its node's id, VSN and name."""
    # Discovered by a file, which may give the labels that Kubernetes would.
    config = load(FOLDER / "prometheus-kubernetes.yml")
    (job,) = config["scrape_configs"]
    del job["kubernetes_sd_configs"]
    job["file_sd_configs"] = [{"files": [str(tmp_path / "pods.json")]}]
    (tmp_path / "pods.json").write_text(
        json.dumps([{"targets": ["10.42.0.7:8080"], "labels": labels}])
    )
    path = tmp_path / "prometheus.yml"
    path.write_text(json.dumps({**config, "rule_files": []}))
    found = promtool("check", "service-discovery", "--timeout=2s", path, job["job_name"])
    target = json.loads(found)[0]["labels"]
    if expected is None:
        assert not target
        return
    shown = {key: value for key, value in target.items() if not key.startswith("__")}
    assert shown == {"job": "waggle-live", "instance": "0000000000000007.core", **expected}
    assert target["__address__"] == "10.42.0.7:9090"


def test_alerts_fire_when_they_should_and_only_then():
    """Each story of ``deploy/prometheus/tests`` ends as it says; a failure names its file."""
    promtool("test", "rules", *RULE_TESTS)


def test_each_alert_is_told_in_one_story_and_not_in_two():
    """Each alert fires in a story, with its words, and stays quiet through two others."""
    alerts = {
        rule["alert"]: rule["labels"]
        for group in load(FOLDER / "rules" / "alerts.yml")["groups"]
        for rule in group["rules"]
    }
    fires, quiet = set(), Counter()
    for path in RULE_TESTS:
        for story in load(path)["tests"]:
            fired, silent = set(), set()
            for check in story.get("alert_rule_test", []):
                (fired if check["exp_alerts"] else silent).add(check["alertname"])
            fires |= fired
            for check in story.get("promql_expr_test", []):
                # alertname="one" or alertname=~"some|others"
                name = re.compile(re.search('alertname=~?"(.+?)"', check["expr"]).group(1))
                matched = {alert for alert in alerts if name.fullmatch(alert)}
                (fired if check["exp_samples"] else silent).update(matched)
            quiet.update(silent - fired)
    assert fires == set(alerts)
    assert [alert for alert in alerts if quiet[alert] < 2] == []


def test_no_rule_reads_a_clock_of_the_node():
    """A node's clock that is set back neither makes an alert nor hides one."""
    for path in (FOLDER / "rules").glob("*.yml"):
        for group in load(path)["groups"]:
            for rule in group["rules"]:
                assert "timestamp_seconds" not in rule["expr"], rule
                assert "time()" not in rule["expr"], rule


def test_the_configuration_names_no_node_that_does_not_exist():
    """As it is, it scrapes nothing, so it pages for nothing."""
    config = load(FOLDER / "prometheus.yml")
    assert [job for job in config["scrape_configs"] if "static_configs" in job] == []
    assert load(FOLDER / "targets" / "nodes.json") == []


def test_configurations_in_the_pages_are_valid(tmp_path):
    """Each configuration that docs/fleet.md shows is one that Prometheus takes."""
    page = FOLDER.parents[1].joinpath("docs", "fleet.md").read_text(encoding="utf-8")
    shown = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert len(shown) == 3
    shutil.copytree(FOLDER / "rules", tmp_path / "rules")
    for text in shown:
        (tmp_path / "prometheus.yml").write_text(text)
        promtool("check", "config", tmp_path / "prometheus.yml")
