"""What a page is told of changes adds up to what /api/v1/plugins says."""

import json
import random

import pytest

from waggle_live_collector.exposition.changes import DEFAULT_KEEP_SECONDS, FIELDS

from ..world import World, counter, gauge, rate, sampled, timer
from .oracle import rich_world


class Page:
    """A page that puts changes together, as the one in the browser does."""

    def __init__(self, world):
        self.world = world
        self.position = ""
        self.plugins = {}
        self.size = 0

    def ask(self, since=None):
        """Ask for what has changed since the answer before, or one before that."""
        number = self.world.changes.number(self.position if since is None else since)
        text = b"".join(self.world.changes.text(number))
        self.size = len(text)
        return self.take(json.loads(text))

    def take(self, message):
        """Take in an answer; return it."""
        before = {} if message["whole"] else self.plugins
        self.position, self.now = message["position"], message["clock"]
        self.plugins = {}
        for news in message["plugins"]:
            head, series = before.get(news["id"], ({}, {}))
            self.plugins[news["id"]] = head, series
            head.update(news.get("head", {}), silent=news["silent"])
            for place, kind, name, labels in news.get("new", []):
                series[place] = {"kind": kind, "name": name, "labels": labels}
            for place, age, *values in news.get("rows", []):
                series[place].update(zip(FIELDS[series[place]["kind"]], values, strict=True))
                series[place]["at"] = self.now - age
        return message

    def shown(self):
        """Return all that it knows: by plugin its fields, and its series."""
        return {
            (head["plugin"], head["plugin_task"], head["plugin_job"]): (head, list(series.values()))
            for head, series in self.plugins.values()
        }


def check(world, page):
    """Compare what a page knows with what the API tells at the same moment."""
    told = json.loads(world.json())["plugins"]
    shown = page.shown()
    assert len(shown) == len(told)
    for plugin in told:
        head, series = shown[plugin["plugin"], plugin["plugin_task"], plugin["plugin_job"]]
        for name, value in plugin.items():
            if name in head and name not in ("silent", "cpu_seconds", "cpu_per_second"):
                assert head[name] == value, name
        assert head["silent"] == pytest.approx(plugin["silent"], abs=0.06)
        for kind in ("timers", "rates", "gauges", "counters"):
            mine = [each for each in series if each["kind"] == kind]
            assert [(each["name"], each["labels"]) for each in mine] == [
                (each["name"], each["labels"]) for each in plugin[kind]
            ]
            for one, other in zip(mine, plugin[kind], strict=True):
                for field in FIELDS[kind]:
                    about = other[field] and pytest.approx(other[field], rel=1e-3, abs=1e-4)
                    assert one[field] == about, (one["name"], field)
                assert page.now - one["at"] == pytest.approx(other["age"], abs=0.06)
        messages = {each["name"]: each for each in series if each["kind"] == "messages"}
        assert {name: each["total"] for name, each in messages.items()} == plugin["messages"]
        uploads = [each["total"] for each in series if each["kind"] == "uploads"]
        assert (uploads or [None]) == [plugin["uploads"]]


def test_the_first_answer_is_all_there_is():
    """Of a world with everything in it."""
    world = rich_world()
    page = Page(world)
    assert page.ask()["whole"]
    check(world, page)


def test_what_stands_still_is_not_told_again():
    """A plugin stands in each answer, but only with what changed: series by series, whole."""
    world = World()
    peer = world.peer()
    page = Page(world)
    peer.update(1, gauge("a", 1), gauge("b", 1), counter("c", 5))
    page.ask()
    peer.update(2, gauge("b", 2))
    message = page.ask()
    assert not message["whole"]
    (plugin,) = message["plugins"]
    assert plugin.keys() == {"id", "silent", "rows"}
    assert plugin["rows"] == [[1, 0.0, 2.0]]
    world.time.pass_(1)
    assert page.ask()["plugins"][0].keys() == {"id", "silent"}
    peer.update(3, gauge("b", 2))  # the same, but anew
    world.time.pass_(1)
    assert page.ask()["plugins"][0]["rows"] == [[1, 1.0, 2.0]]
    check(world, page)


@pytest.mark.parametrize("seed", range(4))
def test_pages_that_ask_when_they_like_know_all(seed):
    """Whatever comes and goes, and whichever answers a page missed or got late."""
    draw = random.Random(seed)
    world = World(hold_time=5.0)
    pages = [Page(world) for _ in range(4)]
    peers = {}
    for number in range(1, 151):
        task = draw.choice("abc")
        if task not in peers:
            peers[task] = world.peer(f"session-{number}", task=task)
        elif draw.random() < 0.1:
            peer = peers.pop(task)
            peer.bye()
            peer.close()
        else:
            name = draw.choice("xyz")
            cell = draw.choice(
                [
                    gauge("g" + name, draw.choice([-1, -2, 0.1])),
                    counter("c" + name, number, place=task),
                    rate("r" + name, number),
                    timer("t" + name, {-40: number}, number * 10**7),
                    {"kind": "messages", "name": "m" + name, "value": number},
                    {"kind": "uploads", "value": number},
                    {"kind": "problem", "name": "series_limit", "value": number},
                    sampled("f" + name, number, number),
                ]
            )
            peers[task].update(number, cell, process={"cpu_seconds": number / 10})
        if draw.random() < 0.3:
            world.pass_(draw.choice([0.2, 1, 6]))
        page = draw.choice(pages)
        kept = draw.random() < 0.3 and page.position
        page.ask()
        check(world, page)
        if kept:  # an answer that tells of more than it lacks
            page.ask(kept)
            check(world, page)


def test_a_position_of_another_life_is_none():
    """After a restart, or a minute in which nobody asked, all is told anew; so for other words."""
    world = World()
    world.peer().update(1, gauge("a", 1))
    page = Page(world)
    first = page.ask()["position"]
    life = first.partition("-")[0]
    for position in (
        "",
        "x",
        "0-1",
        life,
        life + "-",
        life + "-99",
        life + "-\u0661",
        life + "--1",
    ):
        assert world.changes.number(position) == 0
    assert world.changes.number(first) == 1
    world.time.pass_(DEFAULT_KEEP_SECONDS + 1)
    world.changes.tick()
    assert page.ask()["whole"]
    check(world, page)


def test_what_nobody_asks_for_is_not_held():
    """Plugins that have left are let go with the next answer, or a minute after the last one."""
    world = World(hold_time=5.0)
    peer = world.peer()
    page = Page(world)
    page.ask()
    peer.bye()
    peer.close()
    world.pass_(10)
    assert page.ask()["plugins"] == []
    assert world.changes._plugins == {}


def test_a_series_that_cannot_be_told_costs_that_series_alone(monkeypatch):
    """It has no values; all others have theirs, and the error is noted."""
    world = World()
    world.peer().update(1, gauge("a", 1), gauge("b", 2))
    series = next(iter(world.table.plugins.values())).series
    broken = next(each for key, each in series.items() if key.name == "a")
    monkeypatch.setattr(type(broken), "value", lambda self: 1 / 0 if self is broken else 2.0)
    page = Page(world)
    (plugin,) = page.ask()["plugins"]
    assert [row[2:] for row in plugin["rows"]] == [[None], [2.0]]
    assert world.value("waggle_collector_errors_total", where="exposition") >= 1


def test_many_that_change_are_few_bytes():
    """A thousand timers: an answer has less than 80 bytes for each, before it is packed."""
    world = World()
    cells = {-50 + place: 3 for place in range(8)}
    peers = [world.peer(f"session-{n}", task=f"task-{n}") for n in range(50)]
    page = Page(world)
    for number in (1, 2):
        for peer in peers:
            buckets = {place: count * number for place, count in cells.items()}
            peer.update(number, *[timer(f"t{n}", buckets, 123456789 * number) for n in range(20)])
        world.time.pass_(1)
        page.ask()
    assert page.size < 80 * 1000
