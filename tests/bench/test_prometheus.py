"""A real Prometheus beside the collector: what it says of itself is read rightly."""

import urllib.parse

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


def test_a_form_of_all_is_told_or_measured():
    """A short real run: each form that the collector knows has all figures, and none failed."""
    program("prometheus", "prometheus")
    rows = list(prometheus.run(short=True))
    known = [row["subject"] for row in rows if row["case"] == "kept" and "missing" not in row]
    told = [row["subject"] for row in rows if "missing" in row]
    assert sorted(known + told) == sorted(prometheus.FORMS)
    assert "text" in known
    for row in rows:
        if row["case"] == "kept" and "missing" not in row:
            assert row["failed"] == 0
            assert row["scrapes"] >= 3
            assert row["series"] > row["samples"] > 50
            assert row["bytes"] > row["gzip_bytes"] > 0
            assert min(row[key] for key in row if key.endswith("_bytes")) > 0, row
        if row["case"] == "fleet":
            assert row["failed"] == 0
            assert row["percent_of_a_core"] > 0


def test_parameters_are_what_prometheus_sends():
    """What a form's parameters say in a URL is what the configuration says to Prometheus."""
    for form, (parameters, _) in prometheus.FORMS.items():
        (job,) = prometheus.config(1, form, 1, 1)["scrape_configs"]
        assert urllib.parse.urlencode(job["params"], doseq=True) == parameters
