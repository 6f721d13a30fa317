"""What attacks are made of: where the collector is, raw connections, and the list of them."""

import contextlib
import itertools
import json
import select
import socket
import time
from typing import NamedTuple

#: Attacks by name: functions of a Target, which go on until they are killed.
ATTACKS = {}
#: Connects that the kernel refuses or keeps waiting are given up after so many seconds.
PATIENCE = 2.0


class Target(NamedTuple):
    """A collector, and who attacks it: ``me`` begins the ids of its sessions."""

    path: str
    http_port: int
    tcp_port: int
    #: The address that HTTP and TCP connections come from.
    source: str
    me: str

    def http(self, request, tls=None):
        """Return a connection to port 9090 that has sent these bytes; ``tls`` is a context."""
        sock = socket.create_connection(("127.0.0.1", self.http_port), PATIENCE, (self.source, 0))
        with contextlib.suppress(OSError):
            if tls is not None:
                sock = tls.wrap_socket(sock)
            sock.sendall(request)
        return sock


def attack(function):
    """List an attack under the name of its function."""
    ATTACKS[function.__name__] = function
    return function


def timer(name, count=1, buckets=((0, 1),), **more):
    """Return the cell of a timer."""
    cell = {"kind": "timer", "name": name, "count": count, "sum": count, "min": 1, "max": 1}
    return {**cell, "last": 1, "buckets": buckets, **more}


def counter(name, value=1, **more):
    """Return the cell of a counter."""
    return {"kind": "counter", "name": name, "value": value, **more}


class Stranger:
    """A connection of the wire that says anything and reads only when told to."""

    _numbers = itertools.count(1)

    def __init__(self, target, address=None):
        if address is None:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(PATIENCE)
            self.socket.connect(target.path)
        else:
            where = ("127.0.0.1", target.tcp_port)
            self.socket = socket.create_connection(where, PATIENCE, (address, 0))
        self._target = target
        self.number = 0

    def hello(self, session=None, **claims):
        """Say hello as a new session, or as that one."""
        session = session or "%s-%06d" % (self._target.me, next(self._numbers))
        hello = {"type": "hello", "version": 1, "session": session, "key": "key-of-it"}
        self.say({**hello, "plugin": self._target.me, **claims})
        return self

    def update(self, cells):
        """Send cells, in lines of at most 1 MiB."""
        for start in range(0, len(cells), 200):
            self.number += 1
            head = {"type": "update", "number": self.number, "monotonic": time.monotonic()}
            self.say({**head, "cells": cells[start : start + 200]})

    def say(self, message):
        """Send an object as a line, or bytes as they are; drop what was answered."""
        data = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
        self.drain()
        self.socket.sendall(data)

    def fill(self, data):
        """Send as much as is taken within 0.1 s."""
        self.socket.settimeout(0.1)
        with contextlib.suppress(OSError):
            self.socket.sendall(data)
        self.socket.settimeout(PATIENCE)

    def drain(self):
        """Read and drop what has arrived."""
        while _has_answers(self.socket) and self.socket.recv(1 << 16):
            pass

    def close(self):
        """Go without a word."""
        self.socket.close()


def again(function, pause=0.02):
    """Call a function for ever; an error of its connection only makes it pause for a moment."""
    while True:
        with contextlib.suppress(OSError, ValueError):
            function()
        time.sleep(pause)


def hold(make, number, pause=0.05):
    """Keep so many things open that ``make`` returns, and make those anew that were closed."""
    kept = []

    def once():
        while len(kept) < number:
            kept.append(make())
        kept[:] = [each for each in kept if not _is_closed(each)]

    again(once, pause)


def _has_answers(sock):
    # A socket with a timeout waits even where it is asked not to.
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _is_closed(each):
    sock = each.socket if isinstance(each, Stranger) else each
    try:
        return _has_answers(sock) and not sock.recv(1, socket.MSG_PEEK)
    except OSError:
        sock.close()
        return True
