"""The files of deploy/prometheus: what they say, and made fast for tests."""

import json
import re
import shutil
from pathlib import Path

import yaml

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
INTERVAL = 0.25
#: What ``/metrics?live=0`` leaves out.
LIVE = "waggle_.+_recent_.+|waggle_.+_last_.+|waggle_updated_.+"


def load(path):
    """Return what a YAML file says."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules_of(path):
    """Return the rules of a file."""
    return [rule for group in load(path)["groups"] for rule in group["rules"]]


def shipped(directory, name, targets):
    """Return the jobs and the other sections of a configuration, with its files in ``directory``.

    ``targets`` is what stands in ``targets/nodes.json``. A scrape comes every 250 ms, and rules are
    evaluated once a second.
    """
    config = load(FOLDER / name)
    jobs = config.pop("scrape_configs")
    (directory / "targets").mkdir(parents=True)
    (directory / "targets" / "nodes.json").write_text(json.dumps(targets))
    shutil.copytree(FOLDER / "rules", directory / "rules")
    for path in (directory / "rules").rglob("*.yml"):
        path.write_text(re.sub(r"\binterval: \dm\b", "interval: 1s", path.read_text()))
    milliseconds = "%dms" % (INTERVAL * 1000)
    config["global"].update(scrape_interval=milliseconds, scrape_timeout=milliseconds)
    return jobs, config
