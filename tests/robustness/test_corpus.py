"""The corpus: every line is refused with an ``error`` and a counter, or applied; whole or split."""

import pytest

from tests.collector.harness import Client
from tests.collector.world import World, counter

from .corpus import lines

CASES = lines()
IDS = [title for title, _, _ in CASES]
#: Split at every byte, if not longer; longer ones are split at some places.
SHORT = 2000


@pytest.mark.parametrize(("line", "codes"), [case[1:] for case in CASES], ids=IDS)
def test_each_line_is_answered_as_the_corpus_says_however_it_is_split(line, codes):
    """Whole, byte by byte, in odd pieces, merged with its neighbours: the same answers."""
    pieces = [1 << 21, 1, 3] if len(line) <= SHORT else [1 << 21, 4096, 65537]
    seen = []
    for size in pieces:
        world = World()
        peer = world.peer()
        neighbour = world.peer("neighbour", plugin="neighbour")
        neighbour.update(1, counter("good", 1))
        # What stands before and after it, in the same bytes, is not touched by it.
        data = b'{"type":"flush","number":-1}\n' + line + b'\n{"type":"flush","number":-2}\n'
        answers = []
        for start in range(0, len(data), size):
            answers += peer.say(data[start : start + size])
        assert not peer.closed
        assert (answers[0], answers[-1]) == (
            {"type": "applied", "number": -1},
            {"type": "applied", "number": -2},
        )
        errors = [answer["code"] for answer in answers if answer["type"] == "error"]
        seen.append(errors)
        refused = world.scrape().sum("waggle_collector_refusals_total")
        assert refused >= len(errors)
        assert bool(refused) == bool(errors)
        assert world.value("waggle_count_total", name="good") == 1
        world.json()
    assert seen == [seen[0]] * len(pieces)
    if codes is not None:
        assert seen[0] == codes


def test_a_real_collector_survives_the_whole_corpus(make_collector):
    """One connection per line, all at once on one, and what it holds survives a restart."""
    collector = make_collector(limits="Limits(process_pace=(10_000, 10_000.0))")
    with Client(collector) as neighbour:
        neighbour.hello(session="neighbour", plugin="neighbour")
        for number, (title, line, codes) in enumerate(CASES, 1):
            with Client(collector) as client:
                # Of a plugin of its own: the largest counts of two would be over what may be shown.
                client.hello(session="corpus-%06d" % number, plugin="corpus-%d" % number)
                client.send(line + b"\n")
                answers = client.flush(-1)
                while answers[-1]["number"] != -1:  # the line was a flush itself
                    answers += [client.read()]
                errors = [a["code"] for a in answers if a["type"] == "error"]
                assert codes is None or errors == codes, title
            neighbour.update(number, [counter("good", number)])
            assert neighbour.flush(number) == [{"type": "applied", "number": number}]
        with Client(collector) as client:
            client.hello(session="all-of-it-at-once", plugin="corpus")
            client.send(b"\n".join(line for _, line, _ in CASES) + b"\n")
            assert client.flush(-1)
        before = collector.value("waggle_count_total", name="good")
        assert before == len(CASES)
    collector.kill()
    collector.start()
    assert "bad state file" not in collector.log()
    assert collector.value("waggle_count_total", name="good") == len(CASES)


@pytest.mark.parametrize("line", [case[1] for case in CASES], ids=IDS)
def test_before_hello_a_line_is_refused_and_the_peer_cut_off_or_ignored(line):
    """Nothing that a stranger says gets into the table."""
    world = World()
    peer = world.peer(None)
    answers = peer.say(line + b"\n")
    assert {answer["type"] for answer in answers} <= {"error", "welcome"}
    assert world.table.series == 0
    plugins = [plugin for plugin in world.table.plugins.values() if plugin.series]
    assert plugins == []
