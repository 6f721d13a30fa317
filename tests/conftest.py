"""What all tests need, on every Python that the client supports, and the servers they share."""

import signal

import pytest

# A shell starts what it runs in the background with SIGINT ignored, and so would every process
# be that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


#: Fixtures that take long to start: where tests run side by side, all that need one run in one
#: worker, so that it is started once.
STARTED_ONCE = ("broker", "podman", "browser", "clip")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keep together what shares a fixture that takes long to start."""
    for item in items:
        for name in STARTED_ONCE:
            if name in item.fixturenames:
                item.add_marker(pytest.mark.xdist_group(name))


@pytest.fixture(scope="session")
def broker():
    """A RabbitMQ set up as on a node, without messages; each test takes all that it caused."""
    from tests import broker

    with broker.start() as running:
        yield running
