"""What all tests need, on every Python that the client supports, and the servers they share."""

import signal

import pytest

# A shell starts what it runs in the background with SIGINT ignored, and so would every process
# be that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def broker():
    """A RabbitMQ set up as on a node, without messages; each test takes all that it caused."""
    from tests import broker

    with broker.start() as running:
        yield running
