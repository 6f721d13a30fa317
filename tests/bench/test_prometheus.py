"""A real Prometheus beside the collector: what it says of itself is read rightly."""

import urllib.parse

import pytest

from bench import prometheus, servers
from tests.programs import program

TEXT = """\
# HELP a_total Things.
# TYPE a_total counter
a_total{type="float",note="} 7"} 2
a_total{type="histogram"} 1e+03
a_total_more 5
b_a_total 7
gauge -1.5
"""


def test_a_family_is_summed():
    """All samples of the name count, whatever their labels, and no other name's."""
    assert servers.total(TEXT, "a_total") == 1002
    assert servers.total(TEXT, "gauge") == -1.5
    assert servers.total(TEXT, "nothing") == 0


def test_nodes_are_one_target_under_names_of_their_own():
    """Each node has labels of its own, and each form its parameters."""
    (job,) = prometheus.config(9090, "native, live=0", 3, 15)["scrape_configs"]
    assert job["params"] == {"native": ["1"], "live": ["0"]}
    assert len({target["labels"]["node_id"] for target in job["static_configs"]}) == 3
    assert {tuple(target["targets"]) for target in job["static_configs"]} == {("127.0.0.1:9090",)}


@pytest.mark.quiet
def test_a_short_run():
    """Each form has all figures from a real Prometheus, no scrape failed, native is least."""
    program("prometheus", "prometheus")
    rows = list(prometheus.run(short=True))
    kept = [row for row in rows if row["case"] == "kept"]
    fleet = [row for row in rows if row["case"] == "fleet"]
    thousand = [row for row in rows if row["case"] == "thousand"]
    for found in (kept, fleet, thousand):
        assert [row["subject"] for row in found] == list(prometheus.FORMS)
        assert [row["failed"] for row in found] == [0] * len(found)
    text, without_live, native = [row["samples"] for row in kept]
    assert text > without_live > native > 50
    for row in kept:
        assert row["scrapes"] >= 3
        assert row["series"] > row["samples"]
        assert row["bytes"] > row["gzip_bytes"]
        assert min(row[key] for key in row if key.endswith("_bytes")) > 0, row
    assert all(row["percent_of_a_core"] > 0 for row in (*fleet, *thousand))
    assert thousand[0]["series"] > 30_000
    assert 2_000 < thousand[-1]["series"] < 4_000


def test_parameters_are_what_prometheus_sends():
    """What a form's parameters say in a URL is what the configuration says to Prometheus."""
    for form, (parameters, _) in prometheus.FORMS.items():
        (job,) = prometheus.config(1, form, 1, 1)["scrape_configs"]
        assert urllib.parse.urlencode(job["params"], doseq=True) == parameters
