"""What tests of the page send to its collector, and read in the browser."""

from tests.collector.harness import Client
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


def heard(*clients):
    """Let the collector hear of plugins: who says nothing for 4 s is silent. Returns True."""
    for client in clients:
        client.flush()
    return True


def row(browser, name):
    """Return the cells of an instrument: class to text."""
    return browser.run(
        "for (const tr of document.querySelectorAll('tbody tr'))"
        " if (tr.querySelector('.name').textContent === arguments[0])"
        "  return Object.fromEntries([...tr.children].map(e => [e.className, e.textContent]))",
        name,
    )


class Plugins:
    """Plugins that report as long as the ``with`` block lasts, so that they are up."""

    def __init__(self, collector, count):
        self._clients = [Client(collector) for _ in range(count)]
        self._number = 0
        for place, client in enumerate(self._clients):
            client.hello(f"session-{place}", task=f"task-{place:02d}", monotonic=0.0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self._clients:
            client.close()

    def __getitem__(self, place):
        return self._clients[place]

    def report(self, *cells_of, **more):
        """Each tells its cells: what a function of its place and the update's number returns."""
        self._number += 1
        for place, client in enumerate(self._clients):
            cells = [cells(place, self._number) for cells in cells_of]
            client.update(self._number, cells, **more)
            client.flush()
        return True


def fps(place, number):
    """Return a rate of 10 events an update."""
    return rate("fps", 10 * number)


def inference(place, number):
    """Return a timer whose runs take 62 ms; of every second plugin, some failed."""
    cell = timer("inference", {-32: 10 * number}, 620_000_000 * number)
    return {**cell, "failures": number if place % 2 else 0}


class Reporter:
    """A plugin that sets a gauge to a new value whenever it is told to."""

    def __init__(self, client):
        self.client = client
        self.number = 0
        client.hello()

    def set(self, value):
        """Set it."""
        self.number += 1
        self.client.update(self.number, [gauge("level", value)])
        self.client.flush()


def level(browser):
    """Return what the page shows of the gauge."""
    return (row(browser, "level") or {}).get("now")


def is_live(browser):
    """Return whether the page says so."""
    return browser.text("#state") == "live"
