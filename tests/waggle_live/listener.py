"""A small real collector end for the client's tests: a unix-socket listener in a thread.

It speaks the protocol and judges nothing: it records what arrives, and can stop answering, stop
reading, refuse, close, have no room for series, and come back under another inode.
"""

import os
import select
import socket
import threading
import time
import weakref
from contextlib import suppress

from tests.programs import free_port
from waggle_live.wire.protocol import OVERFLOW, LineBuffer, decode, encode
from waggle_live.wire.refusal import encode_refused


def key_of(cell):
    """Return what identifies a cell within its session."""
    labels = tuple(sorted(cell.get("labels", {}).items()))
    return cell["kind"], cell.get("name", ""), labels


_listeners = weakref.WeakSet()


def all_is_read():
    """Tell whether all listeners have read all that was said by processes that have ended.

    A process waits at its end for half a second at most, and a listener may be held up for longer.
    """
    return all(listener.has_read_all() for listener in list(_listeners))


def is_readable(sockets, timeout=0):
    """Tell whether data, an end or a connection waits at one of the sockets."""
    poll = select.poll()
    for each in sockets:
        poll.register(each, select.POLLIN)
    return bool(poll.poll(timeout))


class Listener:
    """``connections`` holds one list of messages per connection, in the order of arrival."""

    def __init__(self, path, refuse=None, backlog=64):
        self.path = str(path)
        self.connections = []
        self.sessions = []  # of each connection's hello, None before it
        self.answers = threading.Event()
        self.answers.set()
        self.reads = threading.Event()
        self.reads.set()
        #: An ``error`` message sent in answer to each hello, and then the door is closed.
        self.refuse = refuse
        self.hangs_up = False  # close each connection as soon as it is accepted
        #: How many series of a session it has room for; what it refuses is not recorded.
        self.room = None
        #: How many refusals of a connection are told.
        self.told = 100
        self._held = {}  # by session, the keys of its series
        self._full = {}  # by connection, how many it refused
        self._backlog = backlog
        self._lock = threading.Lock()
        self._peers = []
        self.start()
        _listeners.add(self)

    def start(self):
        """Bind (anew: another inode) and accept."""
        self._socket = self._bind()
        self._socket.listen(self._backlog)
        threading.Thread(target=self._accept, args=(self._socket,), daemon=True).start()

    def _bind(self):
        with suppress(FileNotFoundError):
            os.unlink(self.path)
        made = socket.socket(socket.AF_UNIX)
        made.bind(self.path)
        return made

    def stop(self, unlink=True):
        """Stop listening and close every connection; ``start`` brings a new one."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.hang_up()
        if unlink:
            with suppress(FileNotFoundError):
                os.unlink(self.path)

    def hang_up(self):
        """Close every connection and go on listening."""
        with self._lock:
            peers, self._peers = self._peers, []
        for peer in peers:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
            peer.close()

    def say(self, message):
        """Send ``message`` to everybody who is connected."""
        with self._lock:
            for peer in self._peers:
                with suppress(OSError):
                    peer.sendall(encode(message))

    def messages(self, kind=None):
        """Return all messages, or those of one type, over all connections."""
        return [
            message
            for connection in list(self.connections)
            for message in list(connection)
            if kind in (None, message["type"])
        ]

    def state(self):
        """Return the last state of each cell as ``{(session, key): cell}``."""
        found = {}
        for index, connection in enumerate(list(self.connections)):
            for message in list(connection):
                for cell in message.get("cells", ()):
                    found[self.sessions[index], key_of(cell)] = cell
        return found

    def total(self, kind, name, field=None, **labels):
        """Return one cell's field, added up over all sessions."""
        key = key_of({"kind": kind, "name": name, "labels": labels})
        field = field or {"timer": "count", "rate": "count"}.get(kind, "value")
        return sum(cell[field] for (_, found), cell in self.state().items() if found == key)

    def wait_for(self, condition, timeout=30.0):
        """Wait until ``condition(self)`` is true; return whether it became so."""
        until = time.monotonic() + timeout
        while not condition(self):
            if time.monotonic() > until:
                return False
            time.sleep(0.005)
        return True

    def has_read_all(self):
        """Tell whether nothing waits to be read, nor a connection to be accepted."""
        with self._lock:
            is_stopped = self._socket.fileno() < 0
            sockets = self._peers if is_stopped else [self._socket, *self._peers]
            return not self.reads.is_set() or not is_readable(sockets)

    def _accept(self, listening):
        while True:
            try:
                is_readable([listening], timeout=None)
                with self._lock:  # so that each connection is to be seen all the time
                    peer, _ = listening.accept()
                    if self.hangs_up:
                        peer.close()
                        continue
                    self._peers.append(peer)
                    self.connections.append([])
                    self.sessions.append(None)
                    index = len(self.connections) - 1
            except (OSError, ValueError):  # stopped
                return
            threading.Thread(target=self._serve, args=(peer, index), daemon=True).start()

    def _serve(self, peer, index):
        buffer = LineBuffer()
        with suppress(OSError, ValueError):
            while True:
                self.reads.wait()
                data = peer.recv(65536)
                if not data:
                    break
                for line in buffer.feed(data):
                    message = decode(line)
                    if message["type"] == "hello":
                        self.sessions[index] = message["session"]
                    answers = self._answer(message) + self._refuse(message, index)
                    self.connections[index].append(message)
                    if answers and self.answers.is_set():
                        with suppress(OSError):  # it has gone, and what it sent still counts
                            peer.sendall(b"".join(map(encode, answers)))
                    if self.refuse is not None:
                        peer.shutdown(socket.SHUT_RDWR)
        with self._lock:
            if peer in self._peers:
                self._peers.remove(peer)
        peer.close()

    def _answer(self, message):
        if message["type"] == "hello":
            if self.refuse is not None:
                return [self.refuse]
            return [{"type": "welcome", "version": 1, "collector": "test", "resumed": False}]
        if message["type"] in ("flush", "bye"):
            return [{"type": "applied", "number": message["number"]}]
        return []

    def _refuse(self, message, index):
        """Take the cells out of an update that there is no room for, as docs/protocol.md says."""
        held, errors = self._held.setdefault(self.sessions[index], set()), []
        for cell in list(message.get("cells", ())) if self.room is not None else ():
            kind, name, labels = key = key_of(cell)
            is_open = len(held) < self.room and index not in self._full
            if key not in held and name != OVERFLOW and kind != "problem" and not is_open:
                message["cells"].remove(cell)
                self._full[index] = self._full.get(index, 0) + 1
                text = encode_refused(kind, name, dict(labels))
                error = {"type": "error", "code": "budget", "text": "full", "refused": text}
                errors += [error] if self._full[index] <= self.told else []
            else:
                held.add(key)
        return errors


class TcpListener(Listener):
    """The same over TCP, at an ``address`` and ``port`` that it keeps."""

    def __init__(self):
        self.port = free_port()
        super().__init__("")
        self.address = "tcp://127.0.0.1:%d" % self.port

    def _bind(self):
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("127.0.0.1", self.port))
        return made


class Hostile:
    """Takes what plugins send, understands none of it, and does ``play(peer)`` to each of them."""

    def __init__(self, path, play):
        self.address = "unix://" + str(path)
        self.count = 0  # of connections
        self._play = play
        self._peers = []
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen(64)
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def stop(self):
        """Stop listening and close every connection."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        for made in [self._socket, *self._peers]:
            with suppress(OSError):
                made.shutdown(socket.SHUT_RDWR)
            made.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                peer, _ = self._socket.accept()
                self.count += 1
                self._peers.append(peer)
                for work in (self._read, self._work):
                    threading.Thread(target=work, args=(peer,), daemon=True).start()

    def _read(self, peer):
        with suppress(OSError):
            while peer.recv(65536):
                pass

    def _work(self, peer):
        with suppress(OSError):
            self._play(peer)
