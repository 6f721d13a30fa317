"""What the page costs in Chromium: 50 plugins of 20 instruments each, all of which change.

The second part has plugins that come and go, sped up: as many as in an hour of five at a time, each
of which is there for half a minute.
"""

import contextlib
import importlib
import random
import shutil
import threading
import time
from typing import Any, Dict, Iterator

from . import processes
from .raw import BUCKETS, Session

PLUGINS, INSTRUMENTS = 50, 20
#: Seconds until the page is drawn, and for which it is measured then.
SETTLE, SECONDS = 8.0, 30.0
#: Seconds after which a plugin that has ended leaves, and generations of plugins: those of an hour.
HOLD, GENERATIONS, AT_ONCE = 0.2, 120, 5
#: The bytes of all answers, with their headers, since this was asked last.
WIRE = (
    "const all = performance.getEntriesByType('resource');"
    "performance.clearResourceTimings();"
    "return all.reduce((sum, each) => sum + each.transferSize, 0)"
)
#: As if the page had been open for ten minutes, all plugins unfolded.
OLD = (
    "begun -= WINDOW;"
    "const values = () => Array.from({ length: LENGTH }, Math.random);"
    "for (const section of sections.values()) {"
    "  section.fold(true);"
    "  for (const row of section.rows.values())"
    "    row.history.fill(performance.now() / 1e3, values(), values());"
    "}"
)
HEAP = "return performance.memory.usedJSHeapSize / 1e6"
ELEMENTS = "return document.querySelectorAll('*').length"


class Plugin(Session):
    """One whose instruments all have another value each time, as measured ones have."""

    def __init__(self, path: str, number: int) -> None:
        super().__init__(path, number, INSTRUMENTS)
        self._random = random.Random(number)
        self._sums = [0] * INSTRUMENTS
        self._counts = [[0] * len(BUCKETS) for _ in range(INSTRUMENTS)]
        self._cell = self._vary

    def _vary(self, index: int, tick: int) -> Dict[str, Any]:
        """Of ten instruments six are timers, two rates, one a gauge and one a counter."""
        draw, kind = self._random, index % 10
        cell: Dict[str, Any]
        if kind < 6:
            counts = [count + draw.randrange(3) for count in self._counts[index]]
            self._counts[index] = counts
            self._sums[index] += draw.randrange(140_000_000, 180_000_000)
            pairs = [[bucket, count] for bucket, count in zip(BUCKETS, counts) if count]
            cell = {"kind": "timer", "count": sum(counts), "sum": self._sums[index]}
            cell.update(buckets=pairs, last=draw.randrange(5_000_000, 44_000_000))
        elif kind < 8:
            self._sums[index] += draw.randrange(5, 10)
            cell = {"kind": "rate", "count": self._sums[index]}
            cell.update(last=draw.randrange(30_000_000, 40_000_000))
        elif kind == 8:
            cell = {"kind": "gauge", "value": round(draw.uniform(0, 100), 3)}
        else:
            self._sums[index] += draw.randrange(30)
            cell = {"kind": "counter", "value": self._sums[index]}
        return {"name": "block.%d" % index, **cell}


@contextlib.contextmanager
def reporting(path: str, count: int) -> Iterator[None]:
    """Have so many plugins report twice a second, in a thread."""
    plugins = [Plugin(path, number) for number in range(count)]
    stop = threading.Event()

    def report() -> None:
        tick = 0
        while not stop.wait(0.5):
            tick += 1
            for plugin in plugins:
                plugin.update(tick)

    thread = threading.Thread(target=report)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        for plugin in plugins:
            plugin.close()


def steady(browser: Any, count: int, settle: float, seconds: float) -> Dict[str, Any]:
    """Return what a page of so many plugins takes."""
    program = processes.Program(browser.driver.service.process, "")
    with processes.ours() as collector, reporting(collector.directory + "/socket", count):
        browser.visit("http://127.0.0.1:%d/" % collector.ports["http"])
        time.sleep(settle)
        browser.run(OLD)
        time.sleep(2)
        browser.run(WIRE)
        before, begin = (program.cpu(), collector.cpu()), time.monotonic()
        time.sleep(seconds)
        after, took = (program.cpu(), collector.cpu()), time.monotonic() - begin
        chromium, ours = (100 * (b - a) / took for a, b in zip(before, after))
        return {
            "subject": "%d plugins × %d instruments" % (count, INSTRUMENTS),
            "chromium_percent": round(chromium, 2),
            "collector_percent": round(ours, 2),
            "wire_kb_per_s": round(browser.run(WIRE) / took / 1e3, 1),
        }


def passing(browser: Any, generations: int) -> Dict[str, Any]:
    """Return how memory and elements grow while plugins come and go."""
    flag = "--plugin.hold-time=%gs" % HOLD
    found = []
    with processes.ours(flag) as collector:
        browser.visit("http://127.0.0.1:%d/" % collector.ports["http"])
        for generation in range(generations):
            numbers = range(generation * AT_ONCE, (generation + 1) * AT_ONCE)
            plugins = [Plugin(collector.directory + "/socket", number) for number in numbers]
            for plugin in plugins:
                plugin.update(1)
            _wait(browser, AT_ONCE)
            for plugin in plugins:
                plugin.tell(type="bye", number=1, status="ok")
                plugin.close()
            _wait(browser, 0)
            browser.driver.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
            found.append((browser.run(HEAP), browser.run(ELEMENTS)))
    early, late = found[len(found) // 10], found[-1]
    return {
        "subject": "%d plugins that come and go" % (AT_ONCE * generations),
        "heap_mb_early": round(early[0], 2),
        "heap_mb": round(late[0], 2),
        "elements_more": late[1] - early[1],
    }


def _wait(browser: Any, count: int) -> None:
    """Wait in the page until it shows so many plugins: each script from outside takes memory."""
    browser.run(
        "const [count] = arguments;"
        "const shown = () => document.querySelectorAll('section.plugin').length;"
        "return new Promise(done => {"
        "  const look = () => shown() === count ? done(true) : setTimeout(look, 100);"
        "  look();"
        "});",
        count,
    )


def run(short: bool = False) -> Iterator[Dict[str, Any]]:
    """Yield both rows."""
    row = {"case": "page", "subject": "the page in Chromium"}
    if shutil.which("chromium") is None or shutil.which("chromedriver") is None:
        yield {**row, "missing": "install the Debian packages chromium and chromium-driver"}
        return
    try:
        Browser = importlib.import_module("tests.browser").Browser
    except ImportError as error:
        yield {**row, "missing": "needs the Python package %s" % error.name}
        return
    with Browser() as browser:
        size = (2, 1.0, 2.0) if short else (PLUGINS, SETTLE, SECONDS)
        yield {"case": "page", **steady(browser, *size)}
        yield {"case": "page passing", **passing(browser, 3 if short else GENERATIONS)}
