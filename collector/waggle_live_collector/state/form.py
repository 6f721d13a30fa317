"""The form of the state file: what stands in it, and how it is written. See :mod:`.reading`."""

from msgspec import Struct, field, json

from ..clock import Seconds
from ..table.buckets import encode_counts
from ..table.exits import GoneRow
from ..table.plugin import Plugin
from ..table.process import Process
from ..table.tombstones import ClosedRow

#: Of the format that is written. That of the release before is read, see :mod:`.older`.
FORMAT = 2


class State(Struct, kw_only=True):
    """All of the file.

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
    plugins: list[Plugin]
    processes: list[Process] = field(name="sessions")


#: Returns the text of a state.
encode = json.Encoder(enc_hook=encode_counts).encode
