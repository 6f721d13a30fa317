"""Hosts with several addresses, dead ones among them, on this machine's loopback."""

import contextlib
import socket
import threading

import pytest

NAME = "node.test"


@contextlib.contextmanager
def dead(host):
    """Give an address that drops whatever wants to connect, as a host that is switched off."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind((host, 0))
        listening.listen(0)
        where = listening.getsockname()
        # A full queue: from then on the kernel answers nothing.
        for _ in range(4):
            full = stack.enter_context(socket.socket())
            full.setblocking(False)
            full.connect_ex(where)
        yield where


def info(where):
    """Return the address info of an IPv4 address."""
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", where)


@pytest.fixture
def deads():
    """Make any number of dead addresses."""
    with contextlib.ExitStack() as stack:
        yield lambda count: [
            stack.enter_context(dead("127.0.1.%d" % n)) for n in range(1, count + 1)
        ]


@pytest.fixture
def name(monkeypatch):
    """A name that is looked up as the test says: ``name.addresses``, after ``name.wait()``."""
    look_up = socket.getaddrinfo

    class Name:
        addresses = ()
        over = threading.Event()
        looked_up = 0

        @staticmethod
        def wait():
            pass

    def getaddrinfo(host, *rest, **more):
        if host != NAME:
            return look_up(host, *rest, **more)
        Name.looked_up += 1
        Name.wait()
        return [info(where) for where in Name.addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield Name
    Name.over.set()
