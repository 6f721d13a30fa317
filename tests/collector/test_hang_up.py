"""SIGHUP: from a terminal that has gone, and from somebody who wants a reload."""

import fcntl
import os
import pty
import signal
import termios

import pytest

from .harness import Client, start, wait_until


@pytest.fixture()
def terminal():
    """Start a collector on a terminal of its own; return it and how the terminal is closed."""
    master, slave = pty.openpty()
    made, open_ends = [], {master, slave}

    def close(end):
        if end in open_ends:
            open_ends.remove(end)
            os.close(end)

    def begin(hangup):
        def take():
            signal.signal(signal.SIGHUP, hangup)
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        process = {"stdin": slave, "start_new_session": True, "preexec_fn": take}
        made.append(start(process=process))
        close(slave)
        return made[-1], lambda: close(master)

    yield begin
    for collector in made:
        collector.__exit__()
    for end in set(open_ends):
        close(end)


def test_without_a_terminal_it_goes_on():
    """Plugins stay connected; the log says what is read anew without being asked."""
    with start(process={"start_new_session": True}) as collector, Client(collector) as client:
        client.hello()
        collector.signal(signal.SIGHUP)
        wait_until(lambda: "SIGHUP ignored: the web configuration and tokens" in collector.log())
        assert client.flush()[-1]["type"] == "applied"


def test_it_ends_with_its_terminal(terminal):
    """As on SIGTERM: nothing keeps port and socket after the window is closed."""
    collector, close = terminal(signal.SIG_DFL)
    collector.signal(signal.SIGHUP)
    wait_until(lambda: "SIGHUP" in collector.log())
    close()
    assert collector.process.wait(30) == 0
    assert "stopping" in collector.log()
    assert not os.path.exists(collector.socket_path)


def test_under_nohup_it_outlives_its_terminal(terminal):
    """Who ignores SIGHUP for it, as nohup does, has it go on."""
    collector, close = terminal(signal.SIG_IGN)
    close()
    with Client(collector) as client:
        assert client.hello()["type"] == "welcome"
        assert client.flush()[-1]["type"] == "applied"
