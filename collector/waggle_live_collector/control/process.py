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

#: Bytes of a knob of a process, and the factor for the length of its declaration as JSON.
KNOB_BYTES, KNOB_TEXT = 1500, 6


class ProcessKnob(NamedTuple):
    """A knob as its process reported it last."""

    declaration: Declaration
    value: Value
    source: str
    #: The revision of the last value that it applied or refused; 0 before the first.
    revision: int
    error: str
    #: Seconds that the process has slept for it; None if it is no pace.
    slept: float | None

    @property
    def is_pinned(self) -> bool:
        """Whether the operator has fixed its value at the start."""
        return self.source == PINNED

    def allows(self, value: Value) -> bool:
        """Tell whether the process would apply a value."""
        if self.is_pinned:
            return False
        try:
            self.declaration.check(value)
        except LiveMetricsError:
            return False
        return True


class Sent(NamedTuple):
    """A value, and the monotonic time at which a process was first sent it."""

    revision: int
    value: Value
    at: float


class ControlledProcess:
    """A connected process that may be controlled.

    ``send`` queues a line to it, and neither blocks nor raises. ``account`` holds its knobs.
    """

    def __init__(self, process: Process, send: Callable[[bytes], None], account: Account) -> None:
        self.process = process
        self.send = send
        self.account = account
        self.knobs: dict[str, ProcessKnob] = {}
        #: The monotonic time of its last message, and below, that message's number.
        self.at = 0.0
        self.number = 0
        #: The values that it was sent and still has, by knob; and below, its identity then.
        self.sent: dict[str, Sent] = {}
        self.identity: IdentityLabels = process.plugin.identity
        #: The number of the last ``set`` message.
        self.set_number = 0

    @property
    def shown(self) -> int:
        """How many of its knobs are shown even if they were never set."""
        return len(self.knobs) - (PROFILE in self.knobs)

    def take(self, message: Knobs, at: float, refusals: list[Refusal]) -> bool:
        """Take in all of its knobs. Return False if the message is an old one.

        Faulty knobs are left out and added to ``refusals``.
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
                    raise ValueError("the message has it twice")
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
    """Return one entry of a ``knobs`` message. Raises ValueError and others if it is faulty."""
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
