"""What a plugin publishes and uses, on the page at / in a real browser."""

from itertools import count

from tests.collector.harness import Client, wait_until
from tests.collector.world import gauge, timer

from .page_rows import report, row

NOTHING = "\u2013"


def used(second, memory=10**8, scope="container"):
    """Return the figures of a process that takes half a core."""
    return {"cpu_seconds": second / 2, "memory_bytes": memory, "memory_scope": scope}


def rows(browser):
    """Return the rows as they are read aloud: the name, and what is noted of it."""
    return browser.run(
        "return [...document.querySelectorAll('tbody [role=rowheader]')]"
        ".map(head => [...head.children].map(part => part.textContent).join(' ').trim())"
    )


def test_a_plugin_without_an_instrument_is_no_empty_card(browser, own_collector):
    """Its CPU and memory stand there with their curves; before they are told they are dashes."""
    with Client(own_collector) as client:
        client.hello(task="bare", monotonic=0.0)
        browser.visit(own_collector.url)
        wait_until(lambda: rows(browser) == ["CPU 1 process", "memory"])
        wait_until(lambda: row(browser, "CPU")["now"])
        assert (row(browser, "CPU")["now"], row(browser, "CPU")["count"]) == (NOTHING, NOTHING)
        assert row(browser, "memory")["now"] == NOTHING
        numbers = count(1)

        def runs():
            """The plugin goes on, so that it is up however long the browser takes."""
            number = next(numbers)
            client.update(number, [], process=used(4 + number / 1e6))
            return True

        wait_until(lambda: runs() and row(browser, "CPU")["now"].endswith(" %"))
        wait_until(lambda: runs() and row(browser, "memory")["now"] == "100 MB")
        assert row(browser, "CPU")["count"] == "2.00 s"
        assert rows(browser) == ["CPU 1 process", "memory container"]
        line = "return document.querySelectorAll('tr[data-kind=process] .line[d]').length"
        wait_until(lambda: runs() and browser.run(line) == 2)
        client.bye()
        wait_until(
            lambda: [row(browser, name)["now"] for name in ("CPU", "memory")] == [NOTHING] * 2
        )
        assert row(browser, "CPU")["count"] == "2.00 s"
        assert browser.complaints() == []


def test_messages_and_uploads_are_rows_below_the_instruments(browser, own_collector):
    """In a lasting order, with rate, count and age; no message is taken for a timer of its name."""
    with Client(own_collector) as client, Client(own_collector) as other:
        client.hello(task="a", monotonic=0.0)
        other.hello("session-2", task="a")
        report(client, 1, 7)
        cells = [
            {"kind": "uploads", "value": 2, "age": 70.0},
            {"kind": "messages", "name": "inference", "value": 12},
            {"kind": "messages", "name": "env.count", "value": 3, "age": 200.0},
        ]
        client.update(2, cells, process=used(2, scope="process"))
        client.flush()
        browser.visit(own_collector.url)
        expected = [
            "fps",
            "inference",
            "movers",
            'frames moving="yes"',
            "env.count published",
            "inference published",
            "uploads files",
            "CPU 2 processes",
            "memory process",
        ]
        wait_until(lambda: rows(browser) == expected)
        wait_until(lambda: other.flush() and row(browser, "env.count")["now"].endswith("/s"))
        shown = row(browser, "env.count")
        assert (shown["count"], shown["age"]) == ("3", "3 min")
        assert (row(browser, "uploads")["count"], row(browser, "uploads")["age"]) == ("2", "1 min")
        browser.press("/", "published")
        wait_until(lambda: rows(browser) == expected[4:6])


def test_the_process_is_shown_however_many_instruments_there_are(browser, own_collector):
    """They are cut at a hundred, and CPU and memory stand below the cut; folded, in the heading."""
    with Client(own_collector) as client:
        client.hello(task="a", monotonic=0.0)
        cells = [timer(f"t{number:03d}", {-56: 1}, 7_800_000) for number in range(130)]
        client.update(1, cells, process=used(1))
        client.update(2, [gauge("g", 1)], process=used(2))
        client.flush()
        browser.visit(own_collector.url)
        wait_until(lambda: rows(browser)[99:] == ["t099", "CPU 1 process", "memory container"])
        assert browser.text(".more") == "Show 31 more"
        assert browser.texts(".facts") == []
        browser.run("document.querySelector('.plugin h2 button').click()")
        numbers = count(3)

        def runs():
            number = next(numbers)
            client.update(number, [], process=used(number))
            return True

        wait_until(lambda: runs() and browser.text(".facts .cpu").endswith(" % CPU"))
        assert browser.text(".facts .memory").strip() == "100 MB"
