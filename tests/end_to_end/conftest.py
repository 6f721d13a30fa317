"""Real collectors, real plugin processes."""

import pytest

from tests.browser import Browser
from tests.collector.harness import CollectorProcess


@pytest.fixture(scope="session")
def collector():
    """One ready collector for all tests that leave it as it is; each uses its own task name."""
    with CollectorProcess().start() as process:
        yield process


@pytest.fixture()
def own_collector():
    """A ready collector of this test's own, to stop, kill and restart."""
    with CollectorProcess().start() as process:
        yield process


@pytest.fixture()
def task(request):
    """A task name of this test's own."""
    return request.node.name


@pytest.fixture(scope="session")
def browser():
    """One browser for all tests of the page."""
    with Browser("--ignore-certificate-errors") as running:  # those of the tests are their own
        yield running
