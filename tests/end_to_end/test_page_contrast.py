"""The contrast of the page at /, measured from its computed styles (WCAG 2.2, AA)."""

import contextlib
from pathlib import Path

import pytest

from tests.collector.harness import Client, CollectorProcess, wait_until
from tests.collector.world import counter, function, gauge, rate, timer

TEXT, GRAPHICS = 4.5, 3.0
#: What colours are drawn by that no text has: a selector, maybe a pseudo-element, and the property.
DRAWN = [
    (".line", None, "stroke"),
    (".band", None, "stroke"),
    (".floor", None, "stroke"),
    (".part", None, "fill"),
    (".track", None, "stroke"),
    (".plugin .state", "::before", "color"),
    ("#state", "::before", "backgroundColor"),
    ("input, select, button:not(h2 button), .choices span", None, "borderTopColor"),
    (".swatch", None, "borderTopColor"),
    ("h2 button", "::before", "borderRightColor"),
    ("h2 button", None, "outlineColor"),
    ("#mark", None, "backgroundColor"),
]
MEASURE = Path(__file__).with_name("contrast.js").read_text()
CELLS = [
    timer("inference", {-56: 10, -40: 3}, 78_000_000),
    rate("fps", 25),
    gauge("movers", 3),
    counter("frames", 25, moving="yes"),
    {"kind": "messages", "name": "env.count", "value": 12},
    function("f [app.py:1]", 3, 10**9),
]
KNOB = {"name": "resolution", "type": "int", "default": 640, "choices": [160, 320, 640]}
KNOBS = [
    {**KNOB, "value": 320, "source": "set", "revision": 1},
    {**KNOB, "name": "free", "value": 640, "source": "pinned", "revision": 0},
]


@pytest.fixture(scope="module")
def shown(browser):
    """A collector whose plugins are in each state, and what keeps some of them up."""
    with CollectorProcess().start() as collector, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(collector)) for _ in range(5)]
        for place, client in enumerate(clients):
            client.hello(f"session-{place}", task=f"task-{place}", job="nightly", monotonic=0.0)
        number = 0

        def tell():
            nonlocal number
            number += 1
            cells = [{**CELLS[0], "failures": 2}, *CELLS[1:]]
            for client in clients[:1] if number > 1 else clients:
                client.update(number, cells)
                client.send({"type": "knobs", "number": number, "knobs": KNOBS})
                client.flush()
            return True

        tell()
        for client, status in zip(clients[1:4], ("ok", "error", "stopped"), strict=True):
            client.bye(status=status)
        yield collector, tell


@pytest.mark.parametrize("phone", [False, True])
@pytest.mark.parametrize("dark", [False, True])
def test_it_can_be_read(browser, shown, dark, phone):
    """Text has 4.5 to 1, what is drawn and means something 3 to 1: open, folded, legend, lost."""
    collector, tell = shown
    size = {"width": 390, "height": 844} if phone else {}
    browser.visit(collector.url, dark=dark, phone=phone, **size)
    line = "return document.querySelectorAll('.line[d]').length"
    states = "return [...document.querySelectorAll('.plugin')].map(e => e.dataset.state)"
    wait_until(lambda: tell() and browser.run(line) >= 4 and "silent" in browser.run(states))

    def faults(drawn=DRAWN, unseen=()):
        """Measure once all is drawn: a curve is drawn when it comes onto the screen."""
        arguments = (MEASURE, TEXT, GRAPHICS, drawn, list(unseen))
        measured = []

        def is_drawn():
            measured[:] = browser.run(*arguments)
            return measured[1] == []

        wait_until(is_drawn)
        assert measured[2] > 20
        return measured[0]

    assert faults(unseen=[".swatch"]) == []
    browser.run("document.querySelector('#help').click()")
    assert faults() == []
    browser.run("document.querySelector('#close').click()")
    browser.run("foldAll(); for (const section of sections.values()) section.draw(view())")
    drawn = [each for each in DRAWN if each[0] in (".plugin .state", "h2 button")]
    assert faults(drawn) == []
    browser.run("foldAll(); tell('lost', 'The collector is gone.')")
    assert faults(unseen=[".swatch"]) == []


@pytest.mark.parametrize("dark", [False, True])
def test_each_colour_can_be_read_on_each_ground(browser, shown, dark):
    """Also on what the pointer is over, and colours that no plugin shows just now."""
    browser.visit(shown[0].url, dark=dark)
    wait_until(lambda: browser.text(".task"))
    texts = ["ink", "muted", "good", "bad", "doubt", "lost"]
    graphics = ["rate", "timer", "gauge", "counter", "message", "edge"]
    browser.run(
        "const [texts, graphics] = arguments; document.body.replaceChildren();"
        "for (const ground of ['paper', 'card', 'hover'])"
        "  for (const [names, tag] of [[texts, 'p'], [graphics, 'i']]) for (const name of names) {"
        "    const e = element(document.body, tag, 'probe', `${name} on ${ground}`);"
        "    if (tag === 'i') e.textContent = '';"
        "    e.style.color = e.style.borderTop = `var(--${name})`;"
        "    element(document.body, 'div').append(e);"
        "    e.parentNode.style.background = `var(--${ground})`;"
        "  }"
        "element(document.body, 'input').id = 'filter';",
        texts,
        graphics,
    )
    measured = browser.run(MEASURE, TEXT, GRAPHICS, [("i.probe", None, "color")], [])
    assert measured == [[], [], len(texts) * 3]
