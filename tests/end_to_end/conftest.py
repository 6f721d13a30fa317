"""Real collectors, real plugin processes."""

import pytest

from tests.browser import Browser
from tests.collector.harness import CollectorProcess, start


@pytest.fixture(scope="session")
def collector():
    """One ready collector for all tests that leave it as it is; each uses its own task name."""
    with CollectorProcess(state_file=True).start() as process:
        yield process


@pytest.fixture()
def own_collector():
    """A ready collector of this test's own, to stop, kill and restart."""
    with CollectorProcess(state_file=True).start() as process:
        yield process


@pytest.fixture()
def task(request):
    """A task name of this test's own."""
    return request.node.name


@pytest.fixture(scope="module")
def browser():
    with Browser("--ignore-certificate-errors") as running:  # those of the tests are their own
        yield running


@pytest.fixture(scope="module")
def empty_state():
    """A state file with nobody in it: a collector that has it waits for nobody."""
    with start(state_file=True) as process:
        process.terminate()
        with open(process.directory + "/state", "rb") as file:
            return file.read()


@pytest.fixture()
def running(empty_state, tmp_path):
    state = tmp_path / "state"
    state.write_bytes(empty_state)
    with start(state_file=str(state)) as process:
        yield process
