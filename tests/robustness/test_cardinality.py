"""Ever new names, label values and sessions: bounded, counted, and nobody else pays for it."""

import contextlib
import os

import pytest

from tests.collector.harness import Client, wait_until
from waggle_live.wire.protocol import DEFAULT_MAX_SERIES, OVERFLOW, PROBLEMS
from waggle_live_collector.messages import MAX_REFUSALS

from .processes import MIB, resident, run

#: A leak of 42 bytes each would be seen, less than the shortest text takes. `make soak` has more.
NAMES = int(os.environ.get("WAGGLE_LIVE_NAMES", "200000"))


def counters(number, first=0, value=1):
    """Return so many counters of ever new names."""
    return [
        {"kind": "counter", "name": "c%d" % index, "value": value}
        for index in range(first, first + number)
    ]


def codes(answers):
    """Return the error codes among the answers."""
    return [answer["code"] for answer in answers if answer["type"] == "error"]


def test_ever_new_names_and_label_values_cost_20_mib_at_most(own_collector):
    """``__overflow__`` keeps the sums, the first thousand go on, the client stays small too."""
    with Client(own_collector) as neighbour:
        neighbour.hello(session="neighbour", plugin="neighbour")
        neighbour.update(1, [{"kind": "counter", "name": "good", "value": 7}])
        neighbour.flush()
        memory = resident(own_collector.process.pid)
        grown = int(run("cardinality", NAMES, address=own_collector.address))
        assert resident(own_collector.process.pid) < memory + 20 * MIB
        assert grown < 8 * MIB
        scrape = own_collector.scrape()
        assert scrape.value("waggle_count_total", name="good") == 7
        assert neighbour.flush(3) == [{"type": "applied", "number": 3}]
    mine = {"plugin": "cardinality"}
    for number in range(0, DEFAULT_MAX_SERIES, 111):
        assert scrape.value("waggle_count_total", name="first_%d" % number, **mine) == 2
    rest = 500 + 500 + 2 * NAMES // 2
    assert scrape.value("waggle_count_total", name=OVERFLOW, **mine) == rest
    assert scrape.value("waggle_timer_seconds_count", name=OVERFLOW, **mine) == NAMES // 2
    assert scrape.value("waggle_plugin_messages_total", name=OVERFLOW, **mine) == NAMES // 2000
    assert len(scrape.all("waggle_count_total", **mine)) == DEFAULT_MAX_SERIES + 1
    problems = scrape.value("waggle_plugin_problems_total", reason="series_limit", **mine)
    assert problems >= NAMES
    assert scrape.sum("waggle_collector_refusals_total") == 0


def test_what_comes_on_top_of_a_full_client_is_taken(collector, task):
    """1,000 series, and then its overflow of each kind, uploads and problems: none refused."""
    overflow = [
        {"kind": "counter", "name": OVERFLOW, "value": 5},
        {"kind": "gauge", "name": OVERFLOW, "value": 5},
        {"kind": "rate", "name": OVERFLOW, "count": 5},
        {"kind": "timer", "name": OVERFLOW, "count": 5, "sum": 5, "buckets": [[0, 5]]},
        {"kind": "messages", "name": OVERFLOW, "value": 5},
        {"kind": "uploads", "value": 5},
        *({"kind": "problem", "name": name, "value": 5} for name in PROBLEMS),
    ]
    with Client(collector) as client:
        client.hello(session=task[:60], task=task)
        client.update(1, counters(DEFAULT_MAX_SERIES))
        client.update(2, overflow)
        assert codes(client.flush()) == []
        # An overflow with labels is no overflow, but one of ever new series.
        client.update(3, [{**overflow[0], "labels": {"x": str(n)}} for n in range(3)])
        assert codes(client.flush()) == ["series_limit"] * 3
    scrape = collector.scrape()
    assert scrape.value("waggle_count_total", name=OVERFLOW, plugin_task=task) == 5
    assert scrape.value("waggle_plugin_messages_total", name=OVERFLOW, plugin_task=task) == 5
    assert scrape.sum("waggle_plugin_problems_total", plugin_task=task) == 5 * len(PROBLEMS)


@pytest.mark.parametrize("restarted", [False, True])
def test_the_excess_of_a_foreign_client_is_refused_and_counted(own_collector, restarted):
    """New series above the limit are refused, some of each line; known ones go on.

    Also after a restart.
    """
    refused = {"reason": "series_limit", "principal": "uid:%d" % os.getuid()}
    hello = {"session": "foreign-client", "plugin": "foreign"}
    with Client(own_collector) as client:
        client.hello(**hello)
        client.update(1, [*counters(DEFAULT_MAX_SERIES), {"kind": "uploads", "value": 1}])
        client.flush()
    if restarted:
        own_collector.scrape()  # what was shown is in the state file
        own_collector.kill()
        own_collector.start()
    with Client(own_collector) as client:
        client.hello(**hello)
        memory = resident(own_collector.process.pid)
        for number in range(2, 40):
            client.update(number, counters(500, first=500 * number))
            assert codes(client.flush()) == ["series_limit"] * (MAX_REFUSALS + 1)
        client.update(40, counters(DEFAULT_MAX_SERIES, value=2))
        assert codes(client.flush()) == []
        assert resident(own_collector.process.pid) < memory + 8 * MIB
        scrape = own_collector.scrape()
    assert scrape.sum("waggle_count_total", plugin="foreign") == 2 * DEFAULT_MAX_SERIES
    assert scrape.value("waggle_collector_refusals_total", **refused) == 38 * (MAX_REFUSALS + 1)


def test_more_sessions_than_the_limit_are_refused_and_counted(make_collector):
    """Those that are connected count; the next one is told why."""
    collector = make_collector("--limit.processes=20")
    for number in range(30):
        with Client(collector) as client:
            assert client.hello(session="dead-%06d" % number)["type"] == "welcome"
    with contextlib.ExitStack() as stack:
        for number in range(20):
            client = stack.enter_context(Client(collector))
            assert client.hello(session="alive-%06d" % number)["type"] == "welcome"
        late = stack.enter_context(Client(collector))
        assert late.hello(session="one-too-many")["code"] == "session_limit"
        assert late.read() is None
        scrape = collector.scrape()
    assert scrape.sum("waggle_plugin_sessions") == 20
    assert scrape.value("waggle_collector_refusals_total", reason="session_limit") == 1
    assert scrape.value("waggle_collector_sessions", state="disconnected") in range(31)


def test_a_line_over_the_limit_costs_itself_alone(collector, task):
    """1 MiB with its newline is taken, one byte more is refused, the next line is taken."""
    with Client(collector) as client:
        client.hello(session=task[:60], task=task)
        for number, size in enumerate((MIB, MIB + 1), 1):
            head = b'{"type":"update","number":%d,"monotonic":1,' % number
            head += b'"cells":[{"kind":"counter","name":"c","value":%d}],"more":"' % number
            client.send(head + b"x" * (size - len(head) - 3) + b'"}\n')
        assert codes(client.flush()) == ["too_long"]
        wait_until(lambda: collector.value("waggle_count_total", plugin_task=task) == 1)
