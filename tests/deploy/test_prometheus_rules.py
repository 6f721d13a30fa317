"""What deploy/prometheus/ has, as Prometheus' own tool judges it."""

import json
import os
import re
import shutil
import subprocess
from collections import Counter

import pytest

from tests.deploy.native_promql import is_right
from tests.deploy.shipped import FOLDER, LIVE, load, rules_of
from tests.deploy.stories import side_by_side
from tests.programs import program

RULES = sorted((FOLDER / "rules").rglob("*.yml"))
#: Timers of each form: classic, native.
TIMERS = [FOLDER / "rules" / "timers.yml", FOLDER / "rules" / "native" / "timers.yml"]
FORMS = ["", "-native"]
RULE_TESTS = sorted((FOLDER / "tests").glob("*.yml"))
#: Garbage is collected less often, which took a third of promtool's time.
ENVIRONMENT = {**os.environ, "GOGC": "800"}


def promtool(*arguments):
    """Run promtool; what it complains of is the failure."""
    done = subprocess.run(
        [program("promtool", "prometheus"), *map(str, arguments)],
        check=False,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("form", FORMS)
def test_the_configuration_and_its_rules_are_valid(form):
    """The configuration with its files of targets and rules is one that Prometheus takes."""
    promtool("check", "config", FOLDER / ("prometheus%s.yml" % form))
    promtool("check", "rules", *RULES)


@pytest.mark.parametrize("form", FORMS)
def test_the_kubernetes_configuration_is_valid(tmp_path, form):
    """So is the one for Kubernetes, but for the discovery, which Debian's build doesn't have."""
    config = load(FOLDER / ("prometheus%s-kubernetes.yml" % form))
    for job in config["scrape_configs"]:
        assert job.pop("kubernetes_sd_configs")
    config["rule_files"] = [str(FOLDER / files) for files in config["rule_files"]]
    path = tmp_path / "prometheus.yml"
    path.write_text(json.dumps(config))
    promtool("check", "config", path)


@pytest.mark.parametrize("place", ["", "-kubernetes"])
def test_the_forms_differ_in_what_makes_them(place):
    """Native histograms are asked for, and their rules loaded beside the classic ones; no more."""
    classic = load(FOLDER / ("prometheus%s.yml" % place))
    native = load(FOLDER / ("prometheus-native%s.yml" % place))
    (job,) = classic["scrape_configs"]
    assert job["params"] == {"live": ["0"]}
    job["params"] = {"native": ["1"], "live": ["0"]}
    classic["rule_files"].append("rules/native/*.yml")
    assert native == classic


def test_both_forms_record_the_same_names():
    """What reads them needs not know of the form; the mean is for classic buckets alone."""
    classic, native = ({rule["record"] for rule in rules_of(path)} for path in TIMERS)
    assert native == {name for name in classic if "mean" not in name}
    means = classic - native
    readers = [rule for path in RULES for rule in rules_of(path) if "mean" in rule["expr"]]
    assert {rule.get("record") for rule in readers} - means == {
        "task_name:waggle_timer_seconds_high:state"
    }


def test_rules_for_both_forms_read_nothing_of_one():
    """But for the two files of timers they read these by recorded names; none reads live values."""
    for path in RULES:
        for rule in rules_of(path):
            named = set(re.findall(r"(?<![\w:])waggle_\w+(?![\w:])", rule["expr"]))
            timers = {name for name in named if name.startswith("waggle_timer_seconds")}
            assert path in TIMERS or not timers, rule
            assert not [name for name in named if re.fullmatch(LIVE, name)], rule


def test_native_histograms_are_read_rightly():
    """No rule does with one what Prometheus 2.42 answers by 0 and without a word."""
    for path in RULES:
        for rule in rules_of(path):
            assert is_right(rule["expr"]), rule


@pytest.mark.parametrize(
    "expression",
    [
        "histogram_quantile(0.9, sum by (name) (rate(waggle_timer_seconds[5m]))) > 0",
        "max(histogram_count(increase(waggle_timer_seconds{name='a'}[5m])))",
        "histogram_sum(waggle_timer_seconds) and avg(waggle_timer_seconds_count)",
    ],
)
def test_right_promql_passes(expression):
    """What comes to a number first is free of all that is wrong with histograms."""
    assert is_right(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "histogram_sum(avg without (name) (rate(waggle_timer_seconds[5m])))",
        "histogram_sum(max(rate(waggle_timer_seconds[5m])) by (name))",
        "histogram_quantile(0.9, irate(waggle_timer_seconds[5m]))",
        "changes(waggle_timer_seconds[5m]) > 0",
        "histogram_count(resets(waggle_timer_seconds{name='a'}[5m]))",
        "histogram_count(max_over_time(waggle_timer_seconds[5m]))",
        "histogram_sum(2 * rate(waggle_timer_seconds[5m]))",
        "sum(rate(waggle_timer_seconds[5m]))",
    ],
)
def test_wrong_promql_is_seen(expression):
    """What Prometheus gets wrong in silence is found, and a histogram that no curve can show."""
    assert not is_right(expression)


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


@pytest.mark.parametrize("path", RULE_TESTS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_only_then(tmp_path, path):
    """Each story of ``deploy/prometheus/tests`` ends as it says."""
    file = load(path)
    file["rule_files"] = [str(path.parent / files) for files in file["rule_files"]]
    file["tests"] = side_by_side(file["tests"])
    (tmp_path / path.name).write_text(json.dumps(file))
    promtool("test", "rules", tmp_path / path.name)


def test_each_alert_is_told_in_one_story_and_not_in_two():
    """Each alert fires in a story, with its words, and stays quiet through two others."""
    alerts = {rule["alert"]: rule["labels"] for rule in rules_of(FOLDER / "rules" / "alerts.yml")}
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
    for path in RULES:
        for rule in rules_of(path):
            assert "timestamp_seconds" not in rule["expr"], rule
            assert "time()" not in rule["expr"], rule


@pytest.mark.parametrize("form", FORMS)
def test_the_configuration_names_no_node_that_does_not_exist(form):
    """As it is, it scrapes nothing, so it pages for nothing."""
    config = load(FOLDER / ("prometheus%s.yml" % form))
    assert [job for job in config["scrape_configs"] if "static_configs" in job] == []
    assert load(FOLDER / "targets" / "nodes.json") == []


def test_configurations_in_the_pages_are_valid(tmp_path):
    """Each configuration that docs/guides/fleet.md shows is one that Prometheus takes."""
    page = FOLDER.parents[1].joinpath("docs", "guides", "fleet.md").read_text(encoding="utf-8")
    shown = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert len(shown) == 3
    shutil.copytree(FOLDER / "rules", tmp_path / "rules")
    for text in shown:
        (tmp_path / "prometheus.yml").write_text(text)
        promtool("check", "config", tmp_path / "prometheus.yml")
