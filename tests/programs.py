"""Programs and packages of other projects that tests run."""

import contextlib
import importlib.util
import os
import random
import shutil
import socket

import pytest


def program(name, package):
    """Return the path of a program; skip, or fail in CI, where it is missing."""
    path = shutil.which(name)
    if path is None:
        skip_without(name, package)
    return path


def skip_without(name, package):
    """Skip a test for want of something that a Debian package has; fail in CI.

    The end of the test run names the packages, which it finds by these words.
    """
    reason = "%s is missing: install the Debian package '%s'" % (name, package)
    assert not os.environ.get("CI"), reason
    pytest.skip(reason)


#: The ports that were returned: who asks for two may listen on none yet.
_returned = set()


def free_port():
    """Return a TCP port of the loopback interface that nobody listens on just now, each once.

    Below those that Linux gives to connections: one of these could have it before a server has.
    """
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as free:
            free.bind(("127.0.0.1", port))
            if port not in _returned:
                _returned.add(port)
                return port


def needs(*packages):
    """Skip a test for want of a Python package; fail in CI."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            reason = "the Python package %s is missing" % package
            assert not os.environ.get("CI"), reason
            pytest.skip(reason)
