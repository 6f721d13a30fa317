"""The page for operators: its queries, its families, its reasons, its capacity."""

import re
import subprocess
import uuid

import yaml

from tests.collector.harness import Client, start
from tests.collector.world import counter, gauge, rate, timer
from tests.programs import program
from waggle_live.reporter.link import CODES

from .manifests import ROOT

PAGE = (ROOT / "docs" / "guides" / "operate.md").read_text(encoding="utf-8")
#: What "plan with 2,000 timers in 60 MiB" means: processes, and timers of each.
PROCESSES, TIMERS = 50, 40


def test_promtool_takes_each_query(tmp_path):
    """As records, for promtool parses nothing else without a server."""
    table = PAGE.partition("| query |")[2].partition("\n\n")[0]
    queries = re.findall(r"^\| `(.*?)` \|", table, re.MULTILINE)
    queries += re.findall(r"`(topk\(.*?)`", PAGE)
    assert len(queries) == 11
    rules = [{"record": f"q{i}", "expr": query} for i, query in enumerate(queries)]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "page", "rules": rules}]}))
    command = [program("promtool", "prometheus"), "check", "rules", str(path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout.decode()


def test_each_family_is_shown():
    """By a collector that has one plugin."""
    names = {re.sub("_(sum|count)$", "", name) for name in re.findall(r"\bwaggle_\w+", PAGE)}
    with start() as collector, Client(collector) as client:
        client.hello()
        client.update(1, [counter("frames", 1)])
        client.flush()
        text = collector.scrape().text
    shown = set(re.findall(r"# TYPE (\w+)", text))
    assert {n for n in names - {"waggle_live"} if not {n, n[: -len("_total")]} & shown} == set()


def test_each_reason_of_a_refusal_is_explained():
    """Each code of the protocol has its place in the table."""
    table = PAGE.partition("| reason |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`(\w+)`", "".join(rows))) == sorted(CODES)


def test_what_is_to_be_planned_with_fits():
    """Timers with 20 filled buckets, and three more series a plugin: none is refused."""
    assert "Plan with {:,} timers in 60 MiB".format(PROCESSES * TIMERS) in PAGE
    clients = []
    with start(flags=["--limit.memory=60Mi"]) as collector:
        for number in range(PROCESSES):
            clients.append(Client(collector))
            clients[-1].hello(process=uuid.uuid4().hex, plugin=f"plugin-{number}")
        for number in range(1, 4):
            cells = [gauge("cars", number), counter("frames", number), rate("fps", number)]
            for index in range(TIMERS):
                low = index % 30
                buckets = {low + i: 50 * number for i in range(20)}
                cells.append(timer(f"timer{index}", buckets, total=number * 10**9))
            for client in clients:
                client.update(number, cells)
        answers = [client.flush() for client in clients]
        assert [[each["type"] for each in answer] for answer in answers] == [
            ["applied"]
        ] * PROCESSES
        shown = collector.scrape()
        assert len(shown.all("waggle_timer_seconds_count")) == PROCESSES * TIMERS
        assert shown.value("process_resident_memory_bytes") < 60 << 20
        for client in clients:
            client.close()
