"""Servers that tests of several packages share, each started when the first of them asks."""

import pytest


@pytest.fixture(scope="session")
def broker():
    """A RabbitMQ set up as on a node, without messages; each test takes all that it caused."""
    from tests import broker

    with broker.start() as running:
        yield running
