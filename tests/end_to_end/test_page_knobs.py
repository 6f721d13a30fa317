"""The knobs of a plugin on the page at / in a real browser."""

import pytest

from tests.collector.harness import Client, start, wait_until
from tests.collector.web.orders import TOKEN, begin, entry

from .page_rows import HOSTILE, report

RESOLUTION = {
    "name": "resolution",
    "type": "int",
    "default": 640,
    "choices": [160, 320, 640],
    "value": 640,
    "source": "default",
    "revision": 0,
}
THRESHOLD = {
    "name": "threshold",
    "type": "float",
    "default": 0.5,
    "low": 0.3,
    "high": 0.9,
    "value": 0.4,
    "source": "pinned",
    "revision": 0,
}
PROFILE = {
    "name": "__profile",
    "type": "int",
    "default": 0,
    "low": 0,
    "high": 200,
    "value": 0,
    "source": "default",
    "revision": 0,
}


@pytest.fixture()
def controlled(tmp_path):
    """A ready collector that takes orders."""
    token = tmp_path / "token"
    token.write_text(TOKEN)
    with start(flags=["--control.token-file=%s" % token]) as collector:
        yield collector


def tell(client, number, *knobs):
    """Tell the collector of a plugin's knobs, as its client does."""
    client.send({"type": "knobs", "number": number, "knobs": list(knobs)})
    client.flush(number)


def put(collector, value, task="a", name="resolution"):
    """Hold a value of a knob."""
    begin(collector, entry(name, value, plugin_task=task), holder="night-shift", ttl=60)


def knobs(browser):
    """Return what is shown of knobs: the texts of each line's parts, with the choice that is on."""
    return browser.run(
        "return [...document.querySelectorAll('.knobs li')].filter(e => e.checkVisibility())"
        " .map(e => [...['knob', 'choices', 'value', 'held'].map("
        "  name => e.querySelector('.' + name).innerText.trim().replace(/\\s+/g, ' ')),"
        "  e.querySelector('.chosen')?.textContent ?? ''])"
    )


@pytest.mark.parametrize("phone", [False, True])
def test_knobs_stand_below_the_instruments(browser, controlled, phone):
    """Value, choices and who holds it, as it changes; a hostile text is text; filter and fold."""
    named = {**RESOLUTION, "name": "model", "type": "str", "default": HOSTILE[:64]}
    named.update(choices=["n", HOSTILE[:64]], value=HOSTILE[:64])
    with Client(controlled) as client, Client(controlled) as without:
        client.hello(task="a")
        report(client, 1, 7)
        without.hello("session-2", task="b")
        report(without, 1, 8)
        free = {**RESOLUTION, "name": "free"}
        del free["choices"]
        tell(client, 1, RESOLUTION, THRESHOLD, named, free, PROFILE)
        size = {"width": 390, "height": 844} if phone else {}
        browser.visit(controlled.url, phone=phone, **size)
        wait_until(lambda: len(knobs(browser)) == 4)
        by_name = {line[0]: line[1:] for line in knobs(browser)}
        assert by_name["resolution"] == ["160 320 640", "640", "default", "640"]
        assert by_name["threshold"] == ["0.30 … 0.90", "0.40", "pinned by the operator", ""]
        assert by_name["free"] == ["", "640", "default", ""]
        assert by_name["model"][1] == " ".join(HOSTILE[:64].split())
        put(controlled, 320)
        message = client.read()
        while message["type"] != "set":
            message = client.read()
        (lease,) = message["knobs"]
        taken = {**RESOLUTION, "value": 320, "source": "set", "revision": lease["revision"]}
        tell(client, 2, taken, THRESHOLD, named, PROFILE)
        wait_until(lambda: knobs(browser)[0][4] == "320")
        held = knobs(browser)[0][3]
        assert held.startswith("held by night-shift for ")
        assert held.endswith(" s left")
        assert browser.run("return document.querySelectorAll('main img, main script').length") == 0
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
        if not phone:
            browser.press("/", "thresh")
            wait_until(lambda: [line[0] for line in knobs(browser)] == ["threshold"])
            assert browser.texts(".task") == ["a"]
            browser.run("document.querySelector('#filter').blur()")
            browser.press("f")
            assert knobs(browser) == []
        assert browser.complaints() == []


def test_the_profiler_is_shown_while_it_runs(browser, controlled):
    """Each plugin has that knob; it is no news while it is off."""
    with Client(controlled) as client:
        client.hello(task="a")
        report(client, 1, 7)
        tell(client, 1, PROFILE)
        browser.visit(controlled.url)
        wait_until(lambda: browser.text("#state") == "live")
        tell(client, 2, {**PROFILE, "value": 50, "source": "set", "revision": 1})
        wait_until(lambda: knobs(browser))
        assert knobs(browser)[0][0] == "profiler"
        assert knobs(browser)[0][2] == "50 Hz"
        tell(client, 3, PROFILE)
        wait_until(lambda: not knobs(browser))
        assert browser.complaints() == []
