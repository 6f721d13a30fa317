"""Every supported Python's client speaks to the collector, which runs on a newer one."""

import os
from pathlib import Path

import pytest

from tests.end_to_end.workload import ROOT, expected, recorded, run
from tests.robustness.processes import scrape_ended

PYTHONS = ("3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
KINDS = ("threads", "fork", "mp-fork", "mp-spawn", "mp-forkserver")
THREADS = 2


def interpreter(version):
    """Return the interpreter of the environment that `make pythons` makes of that CPython."""
    return Path(ROOT) / f".venv-{version}" / "bin" / "python"


def test_the_machine_has_at_least_one_other_python():
    """Under CI, which makes the environments first, not all of these are skipped."""
    if not os.environ.get("CI"):
        pytest.skip("only CI must have other Pythons: `make pythons` makes their environments")
    assert any(interpreter(version).exists() for version in PYTHONS)


@pytest.mark.parametrize("version", PYTHONS)
def test_a_plugin_on_any_supported_python_counts_exactly(collector, task, version):
    """Threads and four kinds of children at once, on that Python, counted to the nanosecond."""
    python = interpreter(version)
    if not python.exists():
        pytest.skip(f"no .venv-{version}: `make pythons` makes it where there is CPython {version}")
    # 3.12 warns of forks beside threads, and there are threads wherever there is a sender.
    run(
        "many_processes",
        500,
        *KINDS,
        address=collector.address,
        task=task,
        python=str(python),
        pythonwarnings="ignore::DeprecationWarning",
    )
    scrape = scrape_ended(collector, plugin_task=task)
    assert recorded(scrape, task) == expected(500 * THREADS * len(KINDS))
