"""docs/reference/metrics.md says what a scrape has, and nothing else."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from waggle_live_collector import own_metrics

from .tables import code, read, rows

#: Metrics of the process, which the library prometheus_client describes.
OF_THE_LIBRARY = "process_"
IDENTITY = {"plugin", "plugin_task", "plugin_job"}


@pytest.fixture
def scraped(collector):
    """Types and labels of the families of a scrape, by name."""
    families = {}
    text = collector.get("/metrics")[2].decode()
    for family in text_string_to_metric_families(text):
        name = family.name + ("_total" if family.type == "counter" else "")
        if name.startswith(OF_THE_LIBRARY):
            continue
        labels = {label for sample in family.samples for label in sample.labels}
        of_plugins = not name.startswith(("waggle_collector_", "waggle_node_"))
        assert not of_plugins or labels >= IDENTITY, name
        families[name] = family.type, labels - IDENTITY - {"le", "model", "quantile"}
    return families


@pytest.fixture(scope="module")
def documented():
    """The same of the page."""
    return {
        code(row["family"])[0]: (row["type"], set(code(row["labels"])))
        for row in rows(read("metrics.md"), "family")
    }


def test_families_and_page_are_the_same(scraped, documented):
    """Each family of a scrape is described, and each one described is in a scrape."""
    assert set(scraped) == set(documented)


def test_types_and_labels_are_as_described(scraped, documented):
    """Of each family that has samples; labels of identity and of authors aside."""
    for name, (kind, labels) in scraped.items():
        assert kind == documented[name][0], name
        assert labels in (documented[name][1], set()), name


def test_every_family_has_a_unit_and_a_meaning():
    """No cell of these is empty."""
    for row in rows(read("metrics.md"), "family"):
        assert row["unit"], row
        assert row["meaning"], row


@pytest.mark.parametrize(
    "values",
    [
        own_metrics.FAULTS,
        own_metrics.HTTP_OUTCOMES,
        own_metrics.HTTP_REASONS,
        own_metrics.CONTROL_OUTCOMES,
    ],
)
def test_values_of_labels_are_named(values):
    """Each that the program has from the start."""
    assert [value for value in values if "`%s`" % value not in read("metrics.md")] == []


def test_what_live_0_leaves_out_is_named(collector):
    """The page on HTTP lists the families that are only there without it."""
    names = [
        set(re.findall(r"^# TYPE (\S+)", collector.get(path)[2].decode(), re.MULTILINE))
        for path in ("/metrics", "/metrics?live=0")
    ]
    listed = re.search(r"`live=0` leaves out (.*?)\.\n", read("http.md"), re.DOTALL).group(1)
    assert set(code(listed)) == names[0] - names[1]
