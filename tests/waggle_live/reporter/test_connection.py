"""One connection: non-blocking, in lines, aware of replaced sockets."""

import contextlib
import os
import shutil
import socket
import stat
import tempfile
import threading
import time

import pytest

from waggle_live.reporter import connection as connection_module
from waggle_live.reporter.address import Address
from waggle_live.reporter.connection import (
    DEFAULT_FLOOD_SECONDS,
    DEFAULT_HEARD_BYTES,
    DEFAULT_HEARD_BYTES_PER_SECOND,
    DEFAULT_MAX_REPLY_BYTES,
    LINE_COST,
    Connection,
)

from ..helpers import environment, run_python, until
from ..listener import Listener

pytestmark = pytest.mark.oldest_and_newest


@pytest.fixture
def open_connection(listener):
    """A connection to the listener."""
    made = Connection(Address(path=listener.path))
    made.open()
    yield made
    made.close()


def test_both_ways(listener, open_connection):
    """What is sent arrives, what is answered comes back."""
    open_connection.send(b'{"type":"flush","number":3}\n')
    assert until(open_connection.receive) == [{"type": "applied", "number": 3}]
    assert listener.messages() == [{"type": "flush", "number": 3}]


def test_no_collector(tmp_path):
    """Nobody there is an OSError at once, and no descriptor stays open."""
    opened = []

    class Recorded(Connection):
        def _make(self, *args):
            opened.append(super()._make(*args))
            return opened[-1]

    connection = Recorded(Address(path=str(tmp_path / "none")))
    with pytest.raises(OSError, match="No such file"):
        connection.open()
    connection.close()
    assert [made.fileno() for made in opened] == [-1]
    for call in (connection.receive, lambda: connection.send(b"x"), lambda: connection.wait(0)):
        with pytest.raises(OSError, match="not connected"):
            call()


def test_garbage_is_passed_over(listener, open_connection):
    """Lines that are no messages, and endless ones, cost nothing but themselves."""
    open_connection.send(b'{"type":"x"}\n')
    assert listener.wait_for(lambda seen: seen.messages())
    with listener._lock:
        peer = listener._peers[0]
    peer.sendall(b'garbage\n[]\n{"type":3}\n\xff\n' + b"x" * (2 * DEFAULT_MAX_REPLY_BYTES) + b"\n")
    peer.sendall(b'{"type":"applied","number":1}\n')
    assert until(open_connection.receive) == [{"type": "applied", "number": 1}]


def test_end_of_file(listener, open_connection):
    """What arrived before the end of file is delivered, then the end is an OSError."""
    open_connection.send(b'{"type":"flush","number":3}\n')
    assert until(lambda: open_connection.has_unread)  # the answer
    listener.hang_up()
    assert until(open_connection.receive) == [{"type": "applied", "number": 3}]
    with pytest.raises(OSError, match="closed"):
        open_connection.receive()


def test_a_peer_that_does_not_read(listener, open_connection):
    """Sending never blocks; the rest waits and goes out once there is room, in order."""
    listener.reads.clear()
    big = b'{"type":"x","text":"' + b"y" * 900000 + b'"}\n'
    began = time.monotonic()
    for _ in range(3):
        open_connection.send(big)
    assert time.monotonic() - began < 5  # nobody would ever read
    assert not open_connection.is_clear
    listener.reads.set()
    end = time.monotonic() + 30
    while not open_connection.is_clear and time.monotonic() < end:
        open_connection.wait(time.monotonic() + 0.1)
        open_connection.send(b"")
    assert open_connection.is_clear
    assert listener.wait_for(lambda seen: len(seen.messages()) == 3)


def test_a_replaced_socket_is_noticed(listener, open_connection):
    """Another file at the path is noticed; a missing one, and chmod, say nothing."""
    assert not open_connection.is_orphaned()
    os.chmod(listener.path, stat.S_IRWXU)
    assert not open_connection.is_orphaned()
    os.unlink(listener.path)
    assert not open_connection.is_orphaned()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(listener.path)
        assert open_connection.is_orphaned()


def test_tcp():
    """The same over TCP; the first address that answers is taken."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        connection = Connection(Address(host="localhost", port=listening.getsockname()[1]))
        connection.open()
        peer, _ = listening.accept()
        with peer:
            connection.send(b"hello\n")
            assert peer.recv(100) == b"hello\n"
            peer.sendall(b'{"type":"welcome"}\n')
            assert until(connection.receive) == [{"type": "welcome"}]
            assert not connection.is_orphaned()
        connection.close()
        connection.close()
    with socket.socket() as bound:  # nobody listens there, and nobody else can
        bound.bind(("127.0.0.1", 0))
        refused = Connection(Address(host="127.0.0.1", port=bound.getsockname()[1]))
        with pytest.raises(OSError, match="refused"):
            refused.open()
        refused.close()


def test_wait_ends_in_time(open_connection):
    """Waiting ends when its time is over, also when that was long ago."""
    began = time.monotonic()
    open_connection.wait(began + 0.05)
    open_connection.wait(began - 1)
    assert 0.03 <= time.monotonic() - began < 5


NOT_ALLOWED = """
import os, sys
from waggle_live.reporter.address import Address
from waggle_live.reporter.connection import Connection, explain
os.setgroups([4242])
os.setgid(4141)
os.setuid(4040)
address = Address(path=sys.argv[1])
try:
    Connection(address).open()
except OSError as error:
    print(explain(error, address))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become somebody else")
@pytest.mark.parametrize("closed", ["socket", "directory"])
def test_permission_denied_says_what_would_help(closed):
    """EACCES: who this process is, what the socket wants, and what to change."""
    directory = tempfile.mkdtemp()
    try:
        listener = Listener(os.path.join(directory, "l.sock"))
        if closed == "socket":
            os.chmod(listener.path, 0o660)
            os.chown(listener.path, 0, 4343)
            os.chmod(directory, 0o755)
        status, out, err = run_python("-c", NOT_ALLOWED, listener.path, env=environment())
        listener.stop()
    finally:
        shutil.rmtree(directory)
    assert (status, err) == (0, "")
    assert "permission denied" in out
    assert "uid 4040, gid 4141, groups [4242]" in out
    assert "--socket.gid" in out
    if closed == "socket":
        assert "mode 0660, uid 0, gid 4343" in out
    else:
        assert "directory can't be entered" in out


def test_what_is_read_is_bounded(listener, open_connection):
    """What a peer says without end is read at a bounded pace, in order, and counts as a flood."""
    open_connection.send(b'{"type":"x"}\n')
    assert listener.wait_for(lambda seen: seen.messages())
    with listener._lock:
        peer = listener._peers[0]

    def talk():
        with contextlib.suppress(OSError):
            for number in range(10**9):
                peer.sendall(b'{"type":"x","n":%d}\n' % number)

    threading.Thread(target=talk, daemon=True).start()
    heard, calls, began = [], 0, time.monotonic()
    while time.monotonic() - began < 1:
        heard += open_connection.receive()
        open_connection.wait(time.monotonic() + 1)
        calls += 1
    took = time.monotonic() - began
    cost = LINE_COST * len(heard)
    assert cost < DEFAULT_HEARD_BYTES + (took + 1) * DEFAULT_HEARD_BYTES_PER_SECOND
    assert [message["n"] for message in heard] == list(range(len(heard)))
    assert len(heard) > 100
    assert calls < 1000  # it waits, and doesn't spin
    assert not open_connection.is_flooded
    open_connection._behind_since -= DEFAULT_FLOOD_SECONDS
    assert open_connection.is_flooded


def test_a_pause_ends_a_flood(listener, open_connection):
    """Who said much at once and then waits is no flood."""
    open_connection.send(b'{"type":"x"}\n')
    assert listener.wait_for(lambda seen: seen.messages())
    for _ in range(10):
        listener.say({"type": "x", "text": "y" * 10000})
    heard = []
    while len(heard) < 10:
        heard += open_connection.receive()
        open_connection.wait(time.monotonic() + 1)
    assert open_connection.receive() == []
    assert open_connection._behind_since is None


def test_a_descriptor_that_became_another_file(listener, open_connection):
    """Whoever closes all descriptors, as daemons do, has them: nothing is written or closed."""
    open_connection.send(b'{"type":"x"}\n')
    assert listener.wait_for(lambda seen: seen.messages("x"))
    ours, theirs = socket.socketpair()
    with theirs:
        number = open_connection._socket.fileno()
        os.dup2(ours.fileno(), number)
        ours.close()
        for call in (open_connection.receive, lambda: open_connection.send(b"x")):
            with pytest.raises(OSError, match="not connected"):
                call()
        open_connection.close()
        with socket.socket(fileno=number) as plugins:
            plugins.sendall(b"the plugin's")
            assert theirs.recv(100) == b"the plugin's"


def test_a_queue_that_is_full_for_a_moment_is_waited_for(monkeypatch):
    """As while somebody else floods the collector; one that stays full is an OSError."""
    directory = tempfile.mkdtemp(prefix="wl-")
    path = os.path.join(directory, "s")
    made = Connection(Address(path=path))
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as first:
        busy.bind(path)
        busy.listen(0)
        first.connect(path)
        with pytest.raises(BlockingIOError):
            made.open()
        made.close()
        monkeypatch.setattr(connection_module, "QUEUE_ATTEMPTS", 10000)  # the moment may be long
        accepted = []
        accept = threading.Timer(0.01, lambda: accepted.append(busy.accept()[0]))
        accept.start()
        made.open()
        accept.join()
        made.close()
        accepted[0].close()
    shutil.rmtree(directory)
