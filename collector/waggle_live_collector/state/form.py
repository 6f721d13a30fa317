"""The form of the state file: what stands in it, and how it is written. See :mod:`.reading`."""

from collections.abc import Sequence
from itertools import chain, repeat

from msgspec import Raw, Struct, field, json

from ..clock import Seconds
from ..table.buckets import encode_counts
from ..table.exits import GoneRow
from ..table.plugin import Plugin
from ..table.process import Process
from ..table.tombstones import ClosedRow

#: Of the format that is written. That of the release before is read, see :mod:`.older`.
FORMAT = 2

_encode_row = json.Encoder(enc_hook=encode_counts).encode


class Head(Struct, kw_only=True):
    """All of the file but its many rows.

    ``monotonic`` and ``boot``: when, by which clock; ``ahead``: see :class:`Clock`. ``awaited``:
    ids of processes that were connected before the last start, and are not back yet.
    """

    format: int = FORMAT
    boot: str
    monotonic: Seconds
    closed: list[ClosedRow] = field(name="ended")
    gone: list[GoneRow] = []
    ahead: Seconds = 0.0
    awaited: list[str] = []


class State(Head, kw_only=True):
    """All of the file."""

    plugins: list[Plugin]
    processes: list[Process] = field(name="sessions")


def row(owner: Process | Plugin) -> Raw:
    """Return the row of a process or plugin, which is encoded again only when it changed."""
    if owner.encoded is None:
        owner.encoded = Raw(_encode_row(owner))
    return owner.encoded


def encode(head: Head, plugins: Sequence[Raw], processes: Sequence[Raw]) -> list[bytes | Raw]:
    """Return the text of the file in pieces, so that no row is copied."""
    return [
        json.encode(head)[:-1],
        b',"plugins":[',
        *_joined(plugins),
        b'],"sessions":[',
        *_joined(processes),
        b"]}",
    ]


def _joined(rows: Sequence[Raw]) -> list[bytes | Raw]:
    return list(chain.from_iterable(zip(repeat(b","), rows)))[1:]
