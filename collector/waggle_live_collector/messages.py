"""What clients may say: takes untrusted lines, and gives checked messages.

msgspec decodes and checks a whole line in one pass. If that fails, or the line is long, it is taken
apart. Then one bad cell is refused alone, and the cells of a long line are not in memory together.
A cell's fields depend on its kind (``table/kinds``). Names and labels are checked there, when a
series is new to its process: to check them at each update would cost more than everything else.

The work on a line ends after :data:`MAX_REFUSALS`.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Generic, Literal, NamedTuple, TypeVar, cast

from msgspec import DecodeError, Meta, Raw, Struct, ValidationError, json

from waggle_live.wire.errors import ProtocolError
from waggle_live.wire.protocol import VERSION

#: The longest excerpt of refused text in an ``error``, in characters.
MAX_EXCERPT = 120
#: After so many refusals the rest of a line is skipped.
MAX_REFUSALS = 100
SKIPPED = f"after {MAX_REFUSALS} refusals the rest of a line is skipped"
#: The longest line that is decoded as a whole, in bytes. That takes up to 11 times as much memory.
#: No cell and no other message may be longer.
MAX_WHOLE_BYTES = 256 * 1024
#: Larger counter values are refused: sums of many sessions must stay finite.
MAX_VALUE = 1e300

#: The largest whole number of a cell, and of the sum of cells.
MAX_WHOLE = 2**63 - 1

Whole = Annotated[int, Meta(ge=0, le=MAX_WHOLE)]
Pid = Annotated[int, Meta(ge=-MAX_WHOLE, le=MAX_WHOLE)]
#: Seconds. The upper bound keeps all moments computed from it in range.
Age = Annotated[float, Meta(ge=0, le=1e9)]
UnixTime = Annotated[float, Meta(ge=0, le=1e12)]
Text = Annotated[str, Meta(max_length=256)]
Token = Annotated[str, Meta(max_length=1024)]
Total = Annotated[float, Meta(ge=0, le=MAX_VALUE)]
NonFinite = Literal["NaN", "+Inf", "-Inf"]
#: Whose memory a process reports.
MemoryScope = Literal["container", "process"]


class Cell(Struct, tag_field="kind", gc=False, kw_only=True):
    """The fields of every cell of an update. Each kind of series adds its own.

    ``age``: seconds since the value was recorded.
    """

    kind: ClassVar[str]
    name: str
    labels: dict[str, str] | None = None
    age: Age = 0.0


C = TypeVar("C", bound=Cell)


class ProcessStats(Struct, gc=False):
    """What a process says of itself."""

    cpu_seconds: Total | None = None
    memory_bytes: Whole | None = None
    memory_scope: MemoryScope = "process"


class Hello(Struct, tag_field="type", tag="hello"):
    """The first message of a connection."""

    version: int
    session: str
    key: str
    app_id: Text | None = None
    plugin: Text | None = None
    task: Text | None = None
    job: Text | None = None
    host: Text | None = None
    plugin_version: Text | None = None
    pid: Pid | None = None
    parent: Pid | None = None
    start_time: UnixTime | None = None
    monotonic: float | None = None
    client: Text | None = None
    token: Token | None = None


class Update(Struct, Generic[C], tag_field="type", tag="update"):
    """The cumulative state of the series that changed, as cells of type ``C``.

    ``cells`` can be iterated once: those of a long line are decoded on the way.
    """

    number: Annotated[int, Meta(ge=1, le=MAX_WHOLE)]
    monotonic: float
    cells: list[C] = []
    since: float | None = None
    process: ProcessStats | None = None


class Flush(Struct, tag_field="type", tag="flush"):
    """Asks for an answer once everything before it is applied."""

    number: int = 0


class Bye(Struct, tag_field="type", tag="bye"):
    """Ends the session for good, with the last figures of the process."""

    number: int = 0
    status: Literal["ok", "error", "stopped"] = "ok"
    process: ProcessStats | None = None


class Knobs(Struct, tag_field="type", tag="knobs"):
    """All knobs of a process. ``control/`` checks each one."""

    number: Annotated[int, Meta(ge=0, le=MAX_WHOLE)] = 0
    knobs: list[Any] = []


class Stacks(Struct, tag_field="type", tag="stacks"):
    """Folded stacks that changed: nanoseconds of wall and CPU time since the collection began."""

    number: Annotated[int, Meta(ge=0, le=MAX_WHOLE)] = 0
    revision: Whole = 0
    stacks: dict[str, tuple[Whole, Whole | None]] = {}


Message = Hello | Update[Any] | Flush | Bye | Knobs | Stacks


class Refusal(NamedTuple):
    """One thing that was not taken, as an ``error`` message reports it."""

    code: str
    text: str
    refused: str = ""


#: What msgspec raises for bytes that are no valid message.
_UNREADABLE = (DecodeError, UnicodeDecodeError, RecursionError)


class _Envelope(Struct):
    type: str


class _HelloVersion(Struct):
    version: int


class _LooseUpdate(Struct):
    number: Annotated[int, Meta(ge=1, le=MAX_WHOLE)]
    monotonic: float
    cells: Raw = Raw(b"[]")
    since: float | None = None
    process: Raw = Raw(b"null")


_decode_envelope = json.Decoder(_Envelope).decode
_decode_hello_version = json.Decoder(_HelloVersion).decode
_decode_loose = json.Decoder(_LooseUpdate).decode
_decode_process = json.Decoder(ProcessStats | None).decode


def excerpt(data: bytes | str, most: int = MAX_EXCERPT) -> str:
    """Return the beginning of what was refused, short enough for an ``error`` message."""
    text = data if isinstance(data, str) else data[: 4 * most].decode(errors="replace")
    return text if len(text) <= most else text[: most - 3] + "..."


def _cell_pattern() -> re.Pattern[bytes]:
    """Match one element of an array that is known to be JSON, and the comma or bracket after it.

    It takes no memory, however large the element is. Elements nested over 100 levels don't match.
    """
    string = rb'"(?:[^"\\]++|\\.)*+"'
    inside = rb""
    for _ in range(100):
        inside = rb'(?:[^"\[\]{}]++|%s|[\[{]%s[\]}])*+' % (string, inside)
    element = rb'[\[{]%s[\]}]|%s|[^,\[\]{}"\s]++' % (inside, string)
    return re.compile(rb"\s*+(%s)\s*+[,\]]" % element, re.DOTALL)


_CELL = _cell_pattern()


class Decoder:
    """Decodes lines of clients whose updates hold cells of the union ``cell``."""

    def __init__(self, cell: Any) -> None:
        self._message = json.Decoder(Hello | Update[cell] | Flush | Bye | Knobs | Stacks)
        self._cell = json.Decoder(cell)

    def decode(self, line: bytes) -> tuple[Message | None, list[Refusal]]:
        """Return the message of one line, and its refused parts.

        None means a message of an unknown type. It is ignored, so that newer clients can use this
        collector. Refused cells are added while the cells are iterated. Raises ProtocolError if the
        whole message is refused.
        """
        error = f"it has at most {MAX_WHOLE_BYTES} bytes"
        try:
            if len(line) <= MAX_WHOLE_BYTES:
                try:
                    return self._message.decode(line), []
                except ValidationError as why:
                    error = str(why)
            kind = _decode_envelope(line).type
            if kind == "update":
                return self._loose_update(line)
            if kind == "hello" and _decode_hello_version(line).version != VERSION:
                raise ProtocolError("version", f"this collector speaks version {VERSION}")
        except ValidationError as why:
            raise ProtocolError("bad_message", f"not a message: {why}") from None
        except _UNREADABLE as why:
            raise ProtocolError("bad_json", f"a line must be one JSON object: {why}") from None
        if kind == "set":
            raise ProtocolError("control", "a plugin sets no knobs: that is for HTTP, with a token")
        if kind in ("hello", "flush", "bye", "knobs", "stacks"):
            raise ProtocolError("bad_message", f"bad {kind}: {error}")
        return None, []

    def _loose_update(self, line: bytes) -> tuple[Message, list[Refusal]]:
        """Decode each cell by itself; bad ones become refusals. Raises ProtocolError."""
        loose = _decode_loose(line)
        refusals: list[Refusal] = []
        array = memoryview(loose.cells)
        if array[:1].tobytes() != b"[":
            raise ProtocolError("bad_message", "not a message: cells must be an array")
        process = None
        try:
            process = _decode_process(loose.process)
        except _UNREADABLE as error:
            refused = excerpt(bytes(loose.process))
            refusals.append(Refusal("bad_cell", f"process: {error}", refused))
        cells = cast("list[Any]", self._cells(array, refusals))
        return Update(loose.number, loose.monotonic, cells, loose.since, process), refusals

    def _cells(self, array: memoryview, refusals: list[Refusal]) -> Iterator[Any]:
        at, bad = 1, 0
        while found := _CELL.match(array, at):
            at = found.end()
            try:
                if len(found[1]) > MAX_WHOLE_BYTES:
                    raise ValidationError(f"a cell has at most {MAX_WHOLE_BYTES} bytes")
                cell = self._cell.decode(found[1])
            except _UNREADABLE as error:
                refusals.append(Refusal("bad_cell", str(error), excerpt(found[1])))
                bad += 1
                if bad >= MAX_REFUSALS:
                    refusals.append(Refusal("bad_cell", SKIPPED))
                    return
            else:
                yield cell
        if bytes(array[at:]).strip() not in (b"", b"]"):
            refusals.append(
                Refusal("bad_cell", "nested too deeply; the rest of the line is skipped")
            )
