"""Random attackers: any message, size, order and timing; the same ones for the same seed."""

import contextlib
import json
import os
import random
import time

from .stranger import Stranger, attack

KINDS = ("timer", "rate", "gauge", "counter", "messages", "uploads", "problem", "function", "tau")
#: Attackers of one process: so many in all, and at a time.
ATTACKERS, AT_A_TIME = 50, 3
#: Seconds that the longest of them lives.
LIFE = 1.5
PATHS = ("/metrics", "/metrics?live=0", "/metrics?native=1", "/", "/api/v1/plugins", "/-/ready")


@attack
def anything(target, seed="0", number=str(ATTACKERS)):
    """Random attackers one after another, each a process of its own; then nothing."""
    living = set()
    for index in range(int(number)):
        while len(living) >= AT_A_TIME:
            living.discard(os.wait()[0])
        child = os.fork()
        if child == 0:
            try:
                Anybody(target, random.Random("%s/%s/%d" % (seed, target.me, index))).live()
            finally:
                os._exit(0)
        living.add(child)
    while living:
        living.discard(os.wait()[0])


class Anybody:
    """One random attacker."""

    def __init__(self, target, chance):
        self._target = target
        self._chance = chance
        #: Log-uniform, so that small and huge ones are as likely.
        self._largest = chance.choice((10, 1000, 100_000, 1_000_000))
        self._patience = chance.choice((0, 0.001, 0.05))
        self._reads = chance.random() < 0.7
        self._steps = [
            step
            for step in (
                self.update,
                self.update,
                self.update,
                self.hello,
                self.junk,
                self.half,
                self.mutated,
                self.flush,
                self.bye,
                self.http,
                self.again,
                self.lines,
            )
            if chance.random() < 0.6
        ] or [self.update]
        self._stranger = None
        self._numbers = 0

    def live(self):
        """Do anything until the end of its life."""
        end = time.monotonic() + self._chance.uniform(0.1, LIFE)
        while time.monotonic() < end:
            # Whatever the collector does about it is all right: it is looked at from outside.
            with contextlib.suppress(OSError):
                if self._stranger is None:
                    self.again()
                self._chance.choice(self._steps)()
                if self._reads:
                    self._stranger.drain()
            time.sleep(self._chance.random() * self._patience)

    def again(self):
        """Connect anew, by the socket or TCP, mostly with a whole hello."""
        if self._stranger is not None and self._chance.random() < 0.5:
            self._stranger.close()
        where = None if self._chance.random() < 0.8 else "127.0.2.%d" % self._chance.randint(1, 9)
        self._stranger = None
        self._stranger = Stranger(self._target, where)
        self._stranger.socket.settimeout(0.3)
        if self._chance.random() < 0.9:
            self.hello()

    def hello(self):
        """Any claims: its own names, the neighbours', invented or too long ones."""
        pick = self._chance.choice
        claims = {
            "plugin": pick(("neighbour", self._target.me, "p%d" % self.size(), "x" * self.size())),
            "task": pick(("neighbour-0", "neighbour-1", "", "t%d" % self.size(1000))),
            "job": pick(("", "job-%d" % self.size(1000), "unproven:")),
            "app_id": pick((None, "pod-%d" % self.size(1000), self.value())),
            "plugin_version": pick((None, "1", "x" * self.size(300))),
            "pid": pick((None, 1, self.value())),
            "key": pick(("key-of-it", "another-key", "x" * self.size(100))),
            "start_time": self.value(),
        }
        if self._chance.random() < 0.8:
            claims = {key: value for key, value in claims.items() if isinstance(value, str)}
        session = "%s-%d" % (self._target.me[:40], self.size(50))
        self._stranger.hello(session.rjust(8, "0"), **claims)

    def update(self):
        """Good cells, bad cells, or both, many or few, in any order of their numbers."""
        self._numbers += self._chance.choice((1, 1, 1, 0, 1000, -1))
        cells = [self.cell() for _ in range(self.size(self._largest // 100 + 2))]
        number = self._numbers if self._chance.random() < 0.9 else self.value()
        monotonic = time.monotonic() if self._chance.random() < 0.9 else self.value()
        message = {"type": "update", "number": number, "monotonic": monotonic, "cells": cells}
        if self._chance.random() < 0.2:
            message["process"] = {"cpu_seconds": self.value(), "memory_bytes": self.value()}
        self._stranger.say(message)

    def cell(self):
        """A cell of any kind, mostly right."""
        pick, good = self._chance.choice, self._chance.random() < 0.8
        count = self.size(10**6) if good else self.value()
        cell = {"kind": pick(KINDS), "name": "n%d" % self.size(2000), "value": count}
        cell.update(count=count, sum=count, min=1, max=1, last=1, age=self.size(3))
        first = self._chance.randint(-240, 160)
        cell["buckets"] = [[first, count]] if good else [[first, self.value()]]
        if self._chance.random() < 0.5:
            text = "x" * self.size(300)
            cell["labels"] = {"l%d" % each: text for each in range(self.size(16))}
        if not good:
            cell[pick(list(cell))] = self.value()
        return cell

    def value(self):
        """Whatever JSON can say."""
        return self._chance.choice(
            (0, -1, 2**63 - 1, 2**63, 10**400, 1e308, 0.5, "NaN", "-Inf", "", None, True, [], {})
        )

    def lines(self):
        """Many short bad lines at once."""
        self._stranger.say(self._chance.choice((b"\n", b"x\n", b"[]\n", b"{}\n")) * self.size())

    def junk(self):
        """Bytes, with some ends of lines in them."""
        size = self.size()
        self._stranger.say(self._chance.choice((b"[", b'{"a":', b'"\xff', b"\0", b"9")) * size)
        if self._chance.random() < 0.5:
            self._stranger.say(b"\n")

    def half(self):
        """The beginning of a line."""
        line = json.dumps({"type": "update", "number": 1, "monotonic": 1, "cells": [self.cell()]})
        self._stranger.say(line[: self._chance.randint(1, len(line))].encode())

    def mutated(self):
        """A good line with some bytes changed."""
        line = bytearray(
            json.dumps({"type": "update", "number": 1, "cells": [self.cell()]}), "ascii"
        )
        for _ in range(self._chance.randint(1, 4)):
            line[self._chance.randrange(len(line))] = self._chance.randrange(256)
        self._stranger.say(bytes(line) + b"\n")

    def flush(self):
        """One or many questions."""
        self._stranger.say(b'{"type":"flush","number":1}\n' * self.size(3000))

    def bye(self):
        """The end, which need not be one."""
        self._stranger.say({"type": "bye", "number": 1, "status": self._chance.choice(("ok", 1))})

    def http(self):
        """A request, whole or not, read or not."""
        pick = self._chance.choice
        head = "GET %s HTTP/1.1\r\nHost: a\r\n" % pick(PATHS)
        head += pick(("", "Accept-Encoding: gzip\r\n", "Accept: x;q=%s\r\n" % self.value()))
        head += "X: %s\r\n" % ("y" * self.size(60_000))
        sock = self._target.http(head.encode() + pick((b"", b"\r\n")))
        if self._chance.random() < 0.5:
            sock.settimeout(0.2)
            with sock:
                sock.recv(self.size(65_536))
        else:
            sock.detach()

    def size(self, most=None):
        """A number from 1 to ``most``, as likely small as large."""
        return int((most or self._largest) ** self._chance.random())
