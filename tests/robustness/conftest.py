"""Real collectors for tests of robustness."""

import contextlib

import pytest

from tests.collector.harness import CollectorProcess

from .processes import end_all


@pytest.fixture(scope="session")
def collector():
    """One ready collector for all tests that leave it as it is; each uses its own task name."""
    with CollectorProcess().start() as process:
        yield process


@pytest.fixture(autouse=True)
def no_process_left():
    """End the programs that a test left running because it failed."""
    yield
    end_all()


@pytest.fixture()
def make_collector():
    """Start a ready collector with these flags, to hurt, kill and restart."""
    with contextlib.ExitStack() as stack:

        def make(*flags, **options):
            process = CollectorProcess(flags=flags, **options)
            return stack.enter_context(process).start()

        yield make


@pytest.fixture()
def own_collector(make_collector):
    """A ready collector of this test's own."""
    return make_collector()


@pytest.fixture()
def task(request):
    """A task name of this test's own."""
    return request.node.name
