"""The commands of docs/guides/fleet.md, pasted: a Prometheus beside the reader's own node."""

import json
import os
import re
import subprocess
import urllib.request
from pathlib import Path

from tests.collector.harness import start, wait_until
from tests.programs import free_port, program
from waggle_live import LiveMetrics

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guides" / "fleet.md"


def test_the_commands_of_the_page_watch_the_readers_own_node(tmp_path):
    """The target is up, all rules are healthy, no alert waits or fires, the plugin is there."""
    program("prometheus", "prometheus")
    section = PAGE.read_text(encoding="utf-8").partition("## Start with your own node")[2]
    prepare, run, ask = re.findall(r"```sh\n(.*?)```", section.partition("\n## ")[0], re.DOTALL)
    port = "%d" % free_port()
    with start() as collector:
        own = collector.url.rpartition(":")[2]
        # The ports are those of this machine's tests; everything else is as it stands there.
        prepare = prepare.replace("localhost:9090", "localhost:" + own)
        run, ask = run.replace(":9095", ":" + port), ask.replace(":9095", ":" + port)
        assert own in prepare and port in run and port in ask
        env = dict(os.environ, HOME=str(tmp_path))
        subprocess.run(["sh", "-ec", prepare], check=True, cwd=ROOT, env=env)
        hurry(tmp_path / "waggle-prometheus")
        with open(tmp_path / "log", "wb") as log:
            command = ["sh", "-ec", run.replace("\nprometheus", "\nexec prometheus")]
            server = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
        with LiveMetrics(address=collector.address, plugin_name="own", task="own") as live:
            try:
                url = "http://localhost:%s/api/v1/" % port
                live.counter("frames").inc()
                wait_until(lambda: [each["health"] for each in targets(url)] == ["up"])
                wait_until(lambda: {rule["health"] for rule in rules(url)} == {"ok"})
                assert len([rule for rule in rules(url) if rule["type"] == "alerting"]) > 10
                # A first scrape that was late may have one wait for a moment.
                wait_until(lambda: get(url + "alerts").get("alerts") == [])
                told = wait_until(lambda: asked(ask))
                assert told[0]["metric"]["plugin"] == "own"
                assert (told[0]["metric"]["vsn"], told[0]["value"][1]) == ("W001", "1")
            finally:
                server.terminate()
                server.wait()


def hurry(folder):
    """Have a configuration scrape and evaluate each second."""
    for path in [folder / "prometheus.yml", *(folder / "rules").rglob("*.yml")]:
        text = re.sub(r"interval: (15s|\dm)\b", "interval: 1s", path.read_text())
        path.write_text(text.replace("scrape_timeout: 10s", "scrape_timeout: 1s"))


def get(url):
    """Return the data of an answer of Prometheus's API; nothing while it isn't there yet."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.loads(answer.read())["data"]
    except OSError:
        return {}


def targets(url):
    """Return the targets that are scraped."""
    return get(url + "targets").get("activeTargets", [])


def rules(url):
    """Return all rules that are loaded."""
    return [rule for group in get(url + "rules").get("groups", []) for rule in group["rules"]]


def asked(command):
    """Return the result of the page's own query."""
    done = subprocess.run(["sh", "-ec", command], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)["data"]["result"]
