"""The knobs of one process, as it reported them, and what it was sent.

Belongs to the event loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec import json

from waggle_live.wire.errors import LiveMetricsError
from waggle_live.wire.knobs import (
    DEFAULT,
    MAX_ERROR,
    MAX_KNOBS,
    MAX_REVISION,
    PINNED,
    PROFILE,
    SOURCES,
    Declaration,
    Value,
    declared,
)

from ..budget import Account, What
from ..identity.labels import IdentityLabels
from ..messages import MAX_EXCERPT, Knobs, Refusal, excerpt
from ..table.process import Process

#: Bytes that a knob of a process takes, and so many times the length of its declaration as JSON.
KNOB_BYTES, KNOB_TEXT = 1500, 6


class ProcessKnob(NamedTuple):
    """One knob, as the process last told it."""

    declaration: Declaration
    value: Value
    source: str
    #: Of the last value that it took or refused; 0 before.
    revision: int
    error: str
    #: Seconds that the process has slept for it, None of a knob that nobody sleeps for.
    slept: float | None

    @property
    def is_pinned(self) -> bool:
        """Has the operator fixed it at the start?"""
        return self.source == PINNED

    def allows(self, value: Value) -> bool:
        """Tell whether the process would take a value."""
        if self.is_pinned:
            return False
        try:
            self.declaration.check(value)
        except LiveMetricsError:
            return False
        return True


class Sent(NamedTuple):
    """A value that a process was sent first at ``at``."""

    revision: int
    value: Value
    at: float


class ControlledProcess:
    """A connected process that may be controlled.

    ``send`` queues a line to it and neither blocks nor raises. ``account`` holds what it told.
    """

    def __init__(self, process: Process, send: Callable[[bytes], None], account: Account) -> None:
        self.process = process
        self.send = send
        self.account = account
        self.knobs: dict[str, ProcessKnob] = {}
        #: Monotonic time of the last message, and its number.
        self.at = 0.0
        self.number = 0
        #: What it was sent that it still has; and under which identity.
        self.sent: dict[str, Sent] = {}
        self.identity: IdentityLabels = process.plugin.identity
        #: Of the last message ``set``.
        self.set_number = 0

    @property
    def shown(self) -> int:
        """How many of its knobs are shown before anybody sets them."""
        return len(self.knobs) - (PROFILE in self.knobs)

    def take(self, message: Knobs, at: float, refusals: list[Refusal]) -> bool:
        """Take in all of its knobs; False if the message is an old one.

        What is wrong with one costs that one, which is added to ``refusals``.
        """
        if message.number <= self.number:
            return False
        self.number, self.at = message.number, at
        knobs: dict[str, ProcessKnob] = {}
        size = 0
        for entry in message.knobs:
            try:
                if len(knobs) > MAX_KNOBS:
                    raise ValueError(f"a process has at most {MAX_KNOBS} knobs, and {PROFILE}")
                told = _told(entry)
                if told.declaration.name in knobs:
                    raise ValueError("it stands there twice")
            except (LiveMetricsError, ValueError, TypeError, OverflowError) as error:
                refusals.append(Refusal("bad_knob", str(error), _excerpt(entry)))
                if len(knobs) > MAX_KNOBS:
                    break
                continue
            knobs[told.declaration.name] = told
            size += KNOB_BYTES + KNOB_TEXT * len(json.encode(told.declaration.fields()))
        if not self.account.hold(What.SERIES, size):
            refusals.append(Refusal("budget", "the collector has no more room for knobs"))
            knobs = {}
            self.account.hold(What.SERIES, 0)
        self.knobs = knobs
        return True


def _told(entry: Any) -> ProcessKnob:
    """Return one entry of a message ``knobs``; raises for what is wrong with it."""
    declaration = declared(entry)
    source, revision = entry.get("source", DEFAULT), entry.get("revision", 0)
    error, slept = entry.get("error"), entry.get("slept")
    if source not in SOURCES:
        raise ValueError(f"source must be one of {', '.join(SOURCES)}")
    if type(revision) is not int or not 0 <= revision <= MAX_REVISION:
        raise ValueError(f"revision must be a whole number from 0 to {MAX_REVISION}")
    if slept is not None and (type(slept) not in (int, float) or not 0 <= slept <= 1e12):
        raise ValueError("slept must be seconds")
    value = declaration.check(entry.get("value", declaration.default))
    error = error[:MAX_ERROR] if isinstance(error, str) else ""
    return ProcessKnob(
        declaration, value, source, revision, error, None if slept is None else float(slept)
    )


def _excerpt(entry: Any) -> str:
    return excerpt(repr(entry)[: 2 * MAX_EXCERPT])
