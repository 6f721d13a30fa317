"""A collector without sockets, files or time, for tests of its logic."""

import json

from waggle_live_collector.budget import DEFAULT_RESERVE, Budget
from waggle_live_collector.clock import Clock
from waggle_live_collector.control.control import Control
from waggle_live_collector.exposition.changes import Changes
from waggle_live_collector.exposition.encoding import Form
from waggle_live_collector.exposition.exposition import Exposition
from waggle_live_collector.exposition.json import Api
from waggle_live_collector.exposition.protobuf import PROTOBUF
from waggle_live_collector.exposition.text import OPENMETRICS, TEXT
from waggle_live_collector.faults import Faults
from waggle_live_collector.history.history import History
from waggle_live_collector.history.json import HistoryApi
from waggle_live_collector.identity.admission import Admission
from waggle_live_collector.identity.app_meta import AppMetas
from waggle_live_collector.identity.peer import Peer as Credentials
from waggle_live_collector.intake.protocol import Intake, WireProtocol
from waggle_live_collector.limits import Limits
from waggle_live_collector.own_metrics import OwnMetrics
from waggle_live_collector.state.state_file import StateFile
from waggle_live_collector.table.processes import Processes
from waggle_live_collector.table.sizes import Sizes
from waggle_live_collector.table.table import Table

from .harness import Scrape


class Time:
    """A monotonic and a wall clock that stand still until told."""

    def __init__(self, monotonic=1000.0, wall=1_700_000_000.0):
        self.at = monotonic
        self.wall = wall - monotonic

    def monotonic(self):
        """Return the monotonic time."""
        return self.at

    def now(self):
        """Return the Unix time."""
        return self.at + self.wall

    def pass_(self, seconds):
        """Let time pass."""
        self.at += seconds


class Peer:
    """The far side of one connection: says messages, and keeps what it was answered."""

    def __init__(self, world, credentials=Credentials()):  # noqa: B008
        self.answers = []
        self.closed = False
        intake = Intake(
            processes=world.processes,
            control=world.control,
            when_saved=world.when_saved,
            own=world.own,
            faults=world.faults,
            clock=world.clock,
        )
        self.protocol = WireProtocol(self, credentials, intake)

    def send(self, data):
        """The collector answers."""
        self.answers += [json.loads(line) for line in data.splitlines()]

    def close(self):
        """The collector closes."""
        if not self.closed:
            self.closed = True
            self.protocol.end_of_file()

    def say(self, *messages):
        """Say messages, objects or bytes; return what is answered to them."""
        before = len(self.answers)
        for message in messages:
            if not isinstance(message, bytes):
                self.protocol.receive(json.dumps(message).encode() + b"\n")
            else:
                self.protocol.receive(message)
        return self.answers[before:]

    def hello(self, process="session-1", key="key-of-the-session", plugin="plugin", **more):
        """Say hello and return the answers."""
        hello = {"type": "hello", "version": 1, "session": process, "key": key, "plugin": plugin}
        return self.say({**hello, **more})

    def update(self, number, *cells, monotonic=None, **more):
        """Send an update; its clock is its number in seconds by default."""
        clock = float(number) if monotonic is None else monotonic
        message = {"type": "update", "number": number, "monotonic": clock, "cells": cells}
        return self.say({**message, **more})

    def flush(self):
        """Flush and return the answers."""
        return self.say({"type": "flush", "number": 1})

    def bye(self, status="ok"):
        """Say bye and return the answers."""
        return self.say({"type": "bye", "number": 2, "status": status})


class World:
    """Table, processes and exposition under a clock that the test moves.

    ``memory``: the bytes of the budget. ``stack``: the app-meta cache is asked, and what it
    answers is what ``resolve`` says.
    """

    def __init__(
        self,
        hold_time=300.0,
        limits=None,
        time=None,
        *,
        memory=64 << 20,
        reserve=None,
        stack=False,
        verify="off",
        token=None,
        control=True,
    ):
        self.time = time or Time()
        self.clock = Clock(monotonic=self.time.monotonic, now=self.time.now)
        self.own = OwnMetrics()
        self.faults = Faults(own=self.own, clock=self.clock)
        self.apps = AppMetas(clock=self.clock)
        self.limits = limits or Limits()
        self.budget = Budget(memory, reserve=DEFAULT_RESERVE if reserve is None else reserve)
        self.table = Table(limits=self.limits, budget=self.budget, hold_time=hold_time)
        self.processes = Processes(
            table=self.table,
            identify=Admission(
                verify=verify,
                token=token,
                apps=self.apps if stack else None,
                own=self.own,
                clock=self.clock,
            ),
            clock=self.clock,
        )
        self.own.registry.register(Sizes(self.processes, self.table))
        self.control = Control(
            processes=self.processes, own=self.own, clock=self.clock, is_on=control
        )
        node = {"node_id": "000048B02D0766BE", "vsn": "W023"}
        self.exposition = Exposition(
            table=self.table,
            control=self.control,
            own=self.own,
            faults=self.faults,
            clock=self.clock,
            node=node,
        )
        self.api = Api(table=self.table, faults=self.faults, clock=self.clock, node=node)
        self.changes = Changes(table=self.table, faults=self.faults, clock=self.clock)
        self.history = History(table=self.table, faults=self.faults, clock=self.clock)
        self.past = HistoryApi(history=self.history, table=self.table, clock=self.clock)
        self.when_saved = lambda call: call(True)

    def state_file(self, path, **more):
        """Return a state file of it; nothing is read or written yet."""
        return StateFile(
            path=path and str(path),
            table=self.table,
            processes=self.processes,
            control=self.control,
            own=self.own,
            faults=self.faults,
            clock=self.clock,
            **more,
        )

    def peer(self, process="session-1", credentials=Credentials(), **hello):  # noqa: B008
        """Return a peer that has said hello; ``process=None``: that has said nothing yet."""
        peer = Peer(self, credentials)
        if process is not None:
            answers = peer.hello(process, **hello)
            assert [a["type"] for a in answers] == ["welcome"], answers
        return peer

    def resolve(self, app_id, meta):
        """The app-meta cache answers who an app_id is."""
        self.apps.add(app_id, meta)
        self.processes.settle(app_id, meta)

    def pass_(self, seconds, step=1.0):
        """Let time pass, with the collector looking every ``step`` what is over."""
        end = self.time.at + seconds
        while self.time.at < end:
            self.time.pass_(min(step, end - self.time.at))
            self.processes.sweep()
            self.control.tick()
            self.budget.sweep()
            for _ in self.history.record():
                pass

    def text(self, openmetrics=False, live=True):
        """Return the text of a scrape."""
        form = Form(OPENMETRICS if openmetrics else TEXT, live)
        return b"".join(self.exposition.render(form)).decode()

    def protobuf(self, live=True):
        """Return the bytes of a scrape as protobuf."""
        return b"".join(self.exposition.render(Form(PROTOBUF, live)))

    def table_text(self, openmetrics=False):
        """Return the bytes of a scrape without the collector's own metrics."""
        form = Form(OPENMETRICS if openmetrics else TEXT)
        return b"".join([*self.exposition.render(form)][:-1])

    def json(self):
        """Return the bytes of the API's answer."""
        return b"".join(self.api.plugins())

    def curves(self):
        """Return what is told of the past."""
        return json.loads(b"".join(self.past.text()))

    def scrape(self):
        """Return the families of a scrape."""
        return Scrape(self.text())

    def value(self, family, default=None, **labels):
        """Return one value of a scrape, None if it isn't there."""
        return self.scrape().value(family, default, **labels)

    def refusals(self):
        """Return how often what was refused: {reason: count}."""
        found = self.scrape().all("waggle_collector_refusals_total")
        return {labels["reason"]: value for labels, value in found if value}


def counter(name, value, **labels):
    """Return a cell of an author's counter."""
    return {"kind": "counter", "name": name, "value": value, "labels": labels}


def gauge(name, value, age=0.0, **labels):
    """Return a cell of an author's gauge."""
    return {"kind": "gauge", "name": name, "value": value, "age": age, "labels": labels}


def rate(name, count, **fields):
    """Return a cell of a rate."""
    return {"kind": "rate", "name": name, "count": count, **fields}


def timer(name, buckets, total=0, **fields):
    """Return a cell of a timer; ``buckets`` are {index: count}."""
    pairs = [[index, count] for index, count in buckets.items()]
    count = sum(buckets.values())
    cell = {"kind": "timer", "name": name, "count": count, "sum": total, "buckets": pairs}
    return {**cell, **fields}


def function(name, calls, exclusive, inclusive=0, profiler="tau", **fields):
    """Return a cell of a function; older clients name no ``profiler``."""
    cell = {"kind": "function", "name": name, "calls": calls}
    if profiler is not None:
        cell["labels"] = {"profiler": profiler}
    return {**cell, "exclusive": exclusive, "inclusive": inclusive, **fields}


def sampled(name, cpu, wall, inclusive=None, **fields):
    """Return a cell of a function that the sampler saw; a ``cpu`` of None is not known."""
    cell = {"kind": "function", "name": name, "labels": {"profiler": "sampler"}, **fields}
    times = {"exclusive": wall, "inclusive": inclusive, "exclusive_cpu": cpu}
    return {**cell, **{time: value for time, value in times.items() if value is not None}}
