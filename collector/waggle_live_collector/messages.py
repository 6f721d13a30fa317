"""What clients may say: untrusted lines in, checked messages out.

One pass of msgspec decodes and checks a whole line. Only when that fails is the line taken
apart, so that one bad cell is refused alone and its neighbours are kept. Rules about names
and labels are not checked here but when a series is new to its session (``session.py``):
checking them on each update would cost more than everything else.
"""

import math
from typing import Annotated, Literal, NamedTuple

from msgspec import DecodeError, Meta, Raw, Struct, ValidationError, json

from waggle_live.wire.errors import ProtocolError
from waggle_live.wire.protocol import VERSION

#: Longest excerpt of what was refused that an ``error`` carries, in characters.
MAX_EXCERPT = 120
#: Larger counter values are refused: sums of many sessions must stay finite.
MAX_VALUE = 1e300

Whole = Annotated[int, Meta(ge=0, le=2**63 - 1)]
#: Seconds; the upper bound keeps every moment that is computed from it a sane number.
Age = Annotated[float, Meta(ge=0, le=1e9)]
UnixTime = Annotated[float, Meta(ge=0, le=1e12)]
Text = Annotated[str, Meta(max_length=256)]
Token = Annotated[str, Meta(max_length=1024)]
Total = Annotated[float, Meta(ge=0, le=MAX_VALUE)]
NonFinite = Literal["NaN", "+Inf", "-Inf"]


class TimerCell(Struct, tag_field="kind", tag="timer", gc=False):
    """Durations of one series since the session began, in nanoseconds."""

    name: str
    count: Whole
    sum: Whole = 0
    labels: dict[str, str] | None = None
    last: Whole | None = None
    age: Age = 0.0
    failures: Whole = 0
    buckets: list[tuple[int, Whole]] = []


class RateCell(Struct, tag_field="kind", tag="rate", gc=False):
    """Events of one series; ``sum`` (ns) is there when the rate is used as a block."""

    name: str
    count: Whole
    labels: dict[str, str] | None = None
    sum: Whole | None = None
    last: Whole | None = None
    age: Age = 0.0


class GaugeCell(Struct, tag_field="kind", tag="gauge", gc=False):
    """A value that goes up and down."""

    name: str
    value: float | NonFinite
    labels: dict[str, str] | None = None
    age: Age = 0.0


class CounterCell(Struct, tag_field="kind", tag="counter", gc=False):
    """A value that only rises."""

    name: str
    value: Total
    labels: dict[str, str] | None = None
    age: Age = 0.0


class MessagesCell(Struct, tag_field="kind", tag="messages", gc=False):
    """How many messages the plugin published under a name."""

    name: str
    value: Whole
    labels: dict[str, str] | None = None
    age: Age = 0.0


class UploadsCell(Struct, tag_field="kind", tag="uploads", gc=False):
    """How many files the plugin uploaded."""

    value: Whole
    name: str = ""
    labels: dict[str, str] | None = None
    age: Age = 0.0


class ProblemCell(Struct, tag_field="kind", tag="problem", gc=False):
    """How often the client met a bound or a misuse."""

    name: str
    value: Whole
    labels: dict[str, str] | None = None
    age: Age = 0.0


class FunctionCell(Struct, tag_field="kind", tag="function", gc=False):
    """A function as TAU measured it, times in nanoseconds; None for what is not measured."""

    name: str
    calls: Whole
    exclusive: Whole | None = None
    inclusive: Whole | None = None
    exclusive_cpu: Whole | None = None
    inclusive_cpu: Whole | None = None
    labels: dict[str, str] | None = None
    age: Age = 0.0


class TauCell(Struct, tag_field="kind", tag="tau", gc=False):
    """A run under TAU; ``age`` is that of its last dump."""

    dropped: Whole = 0
    torn: Whole = 0
    name: str = ""
    labels: dict[str, str] | None = None
    age: Age = 0.0


CountCell = MessagesCell | UploadsCell | ProblemCell
Cell = TimerCell | RateCell | GaugeCell | CounterCell | CountCell | FunctionCell | TauCell


class ProcessStats(Struct, gc=False):
    """What a process says about itself."""

    cpu_seconds: Total | None = None
    memory_bytes: Whole | None = None
    memory_scope: Literal["container", "process"] = "process"


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
    pid: int | None = None
    start_time: UnixTime | None = None
    monotonic: float | None = None
    client: Text | None = None
    token: Token | None = None


class Update(Struct, tag_field="type", tag="update"):
    """The cumulative state of the cells that changed."""

    number: Annotated[int, Meta(ge=1, le=2**63 - 1)]
    monotonic: float
    cells: list[Cell] = []
    since: float | None = None
    process: ProcessStats | None = None


class Flush(Struct, tag_field="type", tag="flush"):
    """Asks for an answer once everything before it is applied."""

    number: int = 0


class Bye(Struct, tag_field="type", tag="bye"):
    """Ends the session for good."""

    number: int = 0
    status: Literal["ok", "error", "exit"] = "ok"


Message = Hello | Update | Flush | Bye


class Refusal(NamedTuple):
    """One thing that was not taken, as an ``error`` message reports it."""

    code: str
    text: str
    refused: str = ""


class _Envelope(Struct):
    type: str


class _HelloVersion(Struct):
    version: int


class _LooseUpdate(Struct):
    number: Annotated[int, Meta(ge=1, le=2**63 - 1)]
    monotonic: float
    cells: list[Raw] = []
    since: float | None = None
    process: Raw = Raw(b"null")


_decode = json.Decoder(Message).decode
_decode_envelope = json.Decoder(_Envelope).decode
_decode_hello_version = json.Decoder(_HelloVersion).decode
_decode_loose = json.Decoder(_LooseUpdate).decode
_decode_cell = json.Decoder(Cell).decode
_decode_process = json.Decoder(ProcessStats | None).decode


def excerpt(data: bytes | str) -> str:
    """Return the beginning of what was refused, short enough for an ``error`` message."""
    text = data if isinstance(data, str) else data[: 4 * MAX_EXCERPT].decode(errors="replace")
    return text if len(text) <= MAX_EXCERPT else text[: MAX_EXCERPT - 3] + "..."


def decode(line: bytes) -> tuple[Message | None, list[Refusal]]:
    """Return the message of one line, and what of it had to be refused.

    None stands for a message of an unknown type, which is ignored so that newer clients can
    talk to this collector. Raises ProtocolError when the whole message is refused.
    """
    try:
        return _decode(line), []
    except ValidationError as error:
        return _take_apart(line, error)
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError("bad_json", f"a line must be one JSON object: {error}") from None


def _take_apart(line: bytes, error: ValidationError) -> tuple[Message | None, list[Refusal]]:
    try:
        kind = _decode_envelope(line).type
        if kind == "update":
            return _loose_update(line)
        if kind == "hello" and _decode_hello_version(line).version != VERSION:
            raise ProtocolError("version", f"this collector speaks version {VERSION}")
    except ValidationError as inner:
        raise ProtocolError("bad_message", f"not a message: {inner}") from None
    except (DecodeError, UnicodeDecodeError, RecursionError) as inner:
        raise ProtocolError("bad_json", f"a line must be one JSON object: {inner}") from None
    if kind in ("hello", "flush", "bye"):
        raise ProtocolError("bad_message", f"bad {kind}: {error}")
    return None, []


def _loose_update(line: bytes) -> tuple[Update, list[Refusal]]:
    """Decode each cell by itself; the bad ones become refusals."""
    loose = _decode_loose(line)
    refusals: list[Refusal] = []
    cells: list[Cell] = []
    for raw in loose.cells:
        try:
            cells.append(_decode_cell(raw))
        except (DecodeError, UnicodeDecodeError, RecursionError) as error:
            refusals.append(Refusal("bad_cell", str(error), excerpt(bytes(raw))))
    process = None
    try:
        process = _decode_process(loose.process)
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        refusals.append(Refusal("bad_cell", f"process: {error}", excerpt(bytes(loose.process))))
    update = Update(loose.number, loose.monotonic, cells, loose.since, process)
    return update, refusals


def number(value: float | str) -> float:
    """Return the float that a gauge's ``value`` stands for."""
    if value == "NaN":
        return math.nan
    if value in ("+Inf", "-Inf"):
        return math.inf if value == "+Inf" else -math.inf
    return float(value)
