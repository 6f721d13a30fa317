"""What tests of the page send to its collector, and read in the browser."""

from tests.collector.world import counter, gauge, rate, timer

HOSTILE = "<img src=x onerror=\"document.title='owned'\">'&`\u202egnp.<script>alert(1)</script>"


def report(client, number, value):
    """Send one of each kind."""
    cells = [
        timer("inference", {-56: 10 * number}, int(7.8e7 * number), last=7_800_000),
        rate("fps", 25 * number),
        gauge("movers", value),
        counter("frames", 25 * number, moving="yes"),
    ]
    client.update(number, cells)
    client.flush()


def row(browser, name):
    """Return the cells of an instrument: class to text."""
    return browser.run(
        "for (const tr of document.querySelectorAll('tbody tr'))"
        " if (tr.querySelector('.name').textContent === arguments[0])"
        "  return Object.fromEntries([...tr.children].map(e => [e.className, e.textContent]))",
        name,
    )
