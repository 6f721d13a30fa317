"""What /metrics says: the same as prometheus_client would of the same numbers, only quicker."""

import gc
import subprocess

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_latest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from tests.programs import program
from waggle_live_collector.exposition import exposition
from waggle_live_collector.exposition import families as f
from waggle_live_collector.exposition.encoding import Form
from waggle_live_collector.exposition.protobuf import PROTOBUF
from waggle_live_collector.exposition.text import TEXT
from waggle_live_collector.table.plugin import Plugin

from ..world import World, counter, gauge, timer
from .oracle import LIVE, NASTY, Oracle, rich_world


def parse(text, openmetrics):
    """Return the families of a text, as prometheus_client understands it."""
    return (parse_openmetrics if openmetrics else parse_text)(text)


def parsed(text, openmetrics):
    """Return all that a scraper learns of a text, in an order that any text of it has."""
    return [
        (
            m.name,
            m.type,
            m.documentation,
            sorted((s.name, sorted(s.labels.items()), repr(s.value)) for s in m.samples),
        )
        for m in parse(text, openmetrics)
    ]


@pytest.mark.parametrize("openmetrics", [False, True], ids=["text", "openmetrics"])
def test_the_text_says_what_prometheus_client_says(openmetrics):
    """Every name, label and number, when first rendered and with labels that were kept."""
    world = rich_world()
    registry = CollectorRegistry()
    registry.register(Oracle(world))
    latest = openmetrics_latest if openmetrics else generate_latest
    end = "# EOF\n" if openmetrics else ""
    for _ in range(3):
        expected = latest(registry).decode()
        text = world.table_text(openmetrics=openmetrics).decode()
        assert parsed(text + end, openmetrics) == parsed(expected, openmetrics)
        headers = [line for line in text.splitlines() if line.startswith("#")]
        assert headers == [
            line for line in expected.removesuffix(end).splitlines() if line.startswith("#")
        ]
        world.time.pass_(1)


def test_every_family_is_there():
    """The world of these tests has a line of each."""
    text = rich_world().table_text(openmetrics=False).decode()
    assert [f"# TYPE {family.name} {family.type}" for family in f.ALL] == [
        line for line in text.splitlines() if line.startswith("# TYPE")
    ]


def test_both_parsers_of_prometheus_client_accept_the_whole_text():
    """Every sample of both formats, with the same values."""
    world = rich_world()
    text = list(parse_text(world.text()))
    openmetrics = list(parse_openmetrics(world.text(openmetrics=True)))
    samples = {
        (sample.name, frozenset(sample.labels.items())) for m in text for sample in m.samples
    }
    assert samples == {
        (sample.name, frozenset(sample.labels.items())) for m in openmetrics for sample in m.samples
    }
    assert any(label[1] == NASTY for _, labels in samples for label in labels)


def test_no_line_stands_twice():
    """A repeated sample would make Prometheus drop it."""
    lines = rich_world().text().splitlines()
    samples = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    assert len(samples) == len(set(samples))


def test_promtool_has_no_remark():
    """``promtool check metrics`` on everything, the collector's own metrics included."""
    checked = subprocess.run(
        [program("promtool", "prometheus"), "check", "metrics"],
        input=rich_world().text().encode(),
        capture_output=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_what_did_not_change_is_rendered_the_same():
    """What changed is new, and nothing else."""
    world = World()
    peer = world.peer()
    peer.update(1, timer("t", {0: 1}, 5), counter("c", 1))
    world.pass_(20)
    before = world.table_text(openmetrics=False)
    assert world.table_text(openmetrics=False) == before
    peer.update(2, counter("c", 2))
    after = world.table_text(openmetrics=False)
    changed = set(after.splitlines()) - set(before.splitlines())
    names = {line.partition(b"{")[0] for line in changed}
    assert names == {
        b"waggle_count_total",
        b"waggle_updated_timestamp_seconds",
        b"waggle_plugin_last_seen_timestamp_seconds",
        b"waggle_plugin_silent_seconds",
    }


def test_a_name_of_two_kinds_has_one_update_time():
    """Two processes gave it two kinds, one of them after the first scrape."""
    world = World()
    world.peer("session-1").update(1, counter("x", 1), gauge("y", 1))
    assert len(world.scrape().all("waggle_updated_timestamp_seconds")) == 2
    world.time.pass_(1)
    world.peer("session-2").update(1, gauge("x", 1), counter("z", 1))
    found = world.scrape().all("waggle_updated_timestamp_seconds")
    times = {labels["name"]: value - world.time.now() for labels, value in found}
    assert times == {"x": 0, "y": -1, "z": 0}
    assert len(found) == 3


def test_refusals_name_those_that_have_most():
    """Ever new principals end up under one label; the worst offender keeps its name."""
    world = World()
    for number in range(300):
        world.own.refused("bad_cell", f"uid:{number}")
        world.own.refused("bad_cell", "pod:worst")
        world.own.refused("bad_json", "pod:worst")
    found = world.scrape().all("waggle_collector_refusals_total")
    assert len(found) <= 102
    assert sum(value for _, value in found) == 900
    assert world.value("waggle_collector_refusals_total", principal="other") == 201
    worst = world.scrape().all("waggle_collector_refusals_total", principal="pod:worst")
    assert [value for _, value in worst] == [300, 300]


@pytest.mark.parametrize("openmetrics", [False, True], ids=["text", "openmetrics"])
def test_without_live_the_families_that_only_look_back_a_moment_are_missing(openmetrics):
    """All others stand there as ever, headers included."""
    world = rich_world()
    everything = list(parse(world.text(openmetrics=openmetrics), openmetrics))
    rest = list(parse(world.text(openmetrics=openmetrics, live=False), openmetrics))
    gone = {metric.name for metric in everything} - {metric.name for metric in rest}
    assert gone == LIVE
    names = [metric.name for metric in everything if metric.name not in gone]
    assert [metric.name for metric in rest] == names


def test_a_series_that_cannot_be_rendered_costs_itself(caplog):
    """Its neighbours stay whole; it is counted at each scrape, and logged once with a traceback."""
    world = World()
    world.peer().update(1, *[counter(f"c.{number}", number) for number in range(900)])
    (plugin,) = world.table.plugins.values()
    broken = {"c.0", "c.700", "c.701", "c.899"}
    for key, series in plugin.series.items():
        if key.name in broken:
            series.totals.parts = ["no number"]
    for turn in (1, 2):
        found = {
            labels["name"]: value for labels, value in world.scrape().all("waggle_count_total")
        }
        assert found == {
            f"c.{number}": number for number in range(900) if f"c.{number}" not in broken
        }
        assert world.own.errors.labels("exposition")._value.get() == 4 * turn
    (record,) = caplog.records
    assert record.exc_info
    assert "waggle_count_total" in record.getMessage()
    assert "c.0" in record.getMessage()
    assert len(world.scrape().all("waggle_updated_timestamp_seconds")) == 900


def test_a_broken_part_of_a_timer_costs_that_family_alone(caplog):
    """What else is known of the timer is shown."""
    world = World()
    world.peer().update(1, timer("t", {0: 1}, 5), timer("u", {0: 1}, 5))
    (plugin,) = world.table.plugins.values()
    next(iter(plugin.series.values())).totals.sum = None
    assert world.value("waggle_timer_seconds_count", name="t") is None
    assert world.value("waggle_timer_seconds_count", name="u") == 1
    assert world.value("waggle_timer_failures_total", name="t") == 0
    assert len(caplog.records) == 1


def test_a_series_whose_labels_cannot_be_written_costs_itself(caplog):
    """It is counted at each scrape as well; the others are whole, wherever they stand."""
    world = World()
    world.peer().update(1, counter("b", 2), counter("c", 1, a="x"), gauge("c", 1, a="x"))
    (plugin,) = world.table.plugins.values()
    (key, series), *others = plugin.series.items()
    plugin.series = {key._replace(labels=(("a", object()),)): series, **dict(others)}
    for turn in (1, 2):
        scrape = world.scrape()
        for family in ("waggle_count_total", "waggle_value", "waggle_updated_timestamp_seconds"):
            assert [labels["name"] for labels, _ in scrape.all(family)] == ["c"]
        assert world.own.errors.labels("exposition")._value.get() == turn
    assert len(caplog.records) == 1


def test_a_plugin_that_cannot_be_rendered_costs_itself(caplog):
    """The other plugin is whole, and so is what else is known of this one."""
    world = World()
    world.peer("session-1", plugin="one").update(1, counter("c", 1))
    world.peer("session-2", plugin="two").update(1, counter("c", 1))
    next(iter(world.table.plugins.values())).cpu = ["no number"]
    text = world.text()
    assert 'waggle_plugin_up{plugin="one"' in text
    assert 'waggle_count_total{name="c",plugin="one"' in text
    assert 'waggle_plugin_exits_total{plugin="two"' in text
    assert len(caplog.records) == 1


def test_a_label_that_is_no_unicode_is_shown_with_a_question_mark():
    """A name of the environment, say, whose bytes are no UTF-8."""
    world = World()
    world.exposition.node["vsn"] = "W\udcff1"
    assert world.value("waggle_node_info", vsn="W?1") == 1


def test_a_form_that_nobody_asks_for_any_more_holds_on_to_nothing():
    """What was once scraped as protobuf is not in memory for good."""
    world = World(hold_time=60.0)
    peer = world.peer(plugin="long gone")
    peer.update(1, counter("c", 1))
    world.exposition.render(Form(PROTOBUF))
    peer.bye()
    world.pass_(400, step=100)
    world.text()
    del peer
    gc.collect()
    plugins = [one for one in gc.get_objects() if isinstance(one, Plugin)]
    assert "long gone" not in [plugin.identity.plugin for plugin in plugins]


@pytest.mark.parametrize("openmetrics", [False, True], ids=["text", "openmetrics"])
def test_pieces_of_any_size_make_the_same_text(monkeypatch, openmetrics):
    """Of a few rows, of a few bytes, of all that there is: the order within a family may differ."""
    world = rich_world()
    texts, headers = set(), set()
    for rows, size in ((1, 1), (3, 10**9), (500, 2000), (10**9, 10**9)):
        monkeypatch.setattr(exposition, "DEFAULT_BATCH", rows)
        monkeypatch.setattr(exposition, "DEFAULT_BATCH_BYTES", size)
        lines = world.table_text(openmetrics=openmetrics).splitlines()
        texts.add(tuple(sorted(lines)))
        headers.add(tuple(line for line in lines if line.startswith(b"#")))
    assert len(texts) == len(headers) == 1


def test_what_comes_and_goes_between_two_pieces_breaks_nothing():
    """What is shown is settled at one moment: no line stands twice, and no plugin in part."""
    world = World(hold_time=60.0)
    for name in ("one", "two"):
        cells = [counter(f"c{number}", number) for number in range(600)]
        world.peer("session-" + name, plugin=name).update(1, *cells, timer("t", {0: 1}, 5))
    pieces, happened = [], False
    for piece in world.exposition.render(Form(TEXT)):
        pieces.append(piece)
        if b"waggle_timer_failures_total" in piece and not happened:
            happened = True
            world.peer("session-three", plugin="three").update(1, counter("new", 1))
            for plugin in list(world.table.plugins.values())[:1]:
                world.table._drop(plugin)
    assert happened
    lines = b"".join(pieces).decode().splitlines()
    samples = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    assert len(samples) == len(set(samples))
    assert sum(line.startswith("waggle_count_total") for line in samples) == 1200
    assert not any('plugin="three"' in line for line in samples)
