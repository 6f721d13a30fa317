"""A collector that takes orders, and a plugin of it."""

import pytest

from ..harness import Client, start
from .orders import TOKEN, declare


@pytest.fixture(scope="module")
def token_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("control") / "token"
    path.write_text(TOKEN + "\n")
    return path


@pytest.fixture
def collector(token_file):
    with start(flags=[f"--control.token-file={token_file}"]) as running:
        yield running


@pytest.fixture
def plugin(collector):
    with Client(collector) as client:
        client.hello()
        declare(client)
        client.flush()
        yield client
