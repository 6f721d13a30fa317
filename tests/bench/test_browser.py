"""The cost of the page in a real browser, in short."""

from bench import browser
from tests.programs import needs, program


def test_a_short_run():
    """It gives all figures; few plugins are few bytes, and those that have gone leave nothing."""
    program("chromium", "chromium")
    program("chromedriver", "chromium-driver")
    needs("selenium")
    steady, passing = browser.run(short=True)
    assert steady["subject"] == "2 plugins × 20 instruments"
    assert 0 < steady["chromium_percent"] < 200
    assert 0 < steady["wire_kb_per_s"] < 30
    assert 0 < passing["heap_mb"] < 3 * passing["heap_mb_early"]
    assert passing["elements_more"] == 0
