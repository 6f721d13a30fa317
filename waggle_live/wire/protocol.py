"""The wire between a plugin process and the collector: rules, messages, lines.

One message is one line of JSON, in both directions, over a stream socket. This module holds no
socket, thread or clock. It imports neither side, so both share it. Unknown message types and fields
are ignored, so each side can be upgraded alone. ``docs/protocol.md`` is the specification;
``tests/vectors`` holds examples.
"""

import math
import re
from enum import Enum
from json.decoder import JSONDecoder
from json.encoder import JSONEncoder
from typing import (
    Any,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    SupportsFloat,
    Tuple,
    Union,
)

from .errors import InvalidMetric, InvalidType, ProtocolError, describe
from .labels import label_text

VERSION = 1

#: The longest line in bytes, with its newline. A longer one is refused and skipped.
MAX_LINE_BYTES = 1 << 20
#: The longest line that our client sends. A collector without room drops incomplete lines, and
#: short lines are soon complete.
MAX_UPDATE_BYTES = 1 << 16
#: The longest metric name in characters (pywaggle's rule).
MAX_NAME_LENGTH = 128
#: The most labels of an author per series, and the longest name and value in characters.
MAX_LABELS = 16
MAX_LABEL_NAME_LENGTH = 64
MAX_LABEL_VALUE_LENGTH = 256
#: The most bytes of all label names and values of a series, in UTF-8.
MAX_LABELS_BYTES = 1024
#: The most series per process. Further ones are folded into :data:`OVERFLOW`.
DEFAULT_MAX_SERIES = 1000
#: The name of the series with the sums of all that exceed the limit.
OVERFLOW = "__overflow__"

#: The longest name of a function, in characters.
MAX_FUNCTION_LENGTH = 256
#: The name for the sums of all functions that have no series of their own.
OTHER_FUNCTIONS = "__other__"
#: The name for the time of threads that wait. It doesn't count in shares.
IDLE_FUNCTIONS = "__idle__"
#: The values of the label ``profiler`` of a cell of kind ``function``.
PROFILERS = (TAU_PROFILER, SAMPLER) = ("tau", "sampler")

#: Kinds of cells. The first four are the author's; the client makes the rest itself.
TIMER = "timer"
RATE = "rate"
GAUGE = "gauge"
COUNTER = "counter"
MESSAGES = "messages"
UPLOADS = "uploads"
PROBLEM = "problem"
FUNCTION = "function"
TAU = "tau"

#: The error code for a new series without room. After the first one, the collector takes no new
#: series but :data:`OVERFLOW` on that connection, so the client adds all up there.
BUDGET = "budget"

#: What a client reports about itself: the only names of cells of kind ``problem``.
OVERLAP_MISMATCH = "overlap_mismatch"
RECORD_ERROR = "record_error"
SERIES_LIMIT = "series_limit"
SYNC_ERROR = "sync_error"
UNMATCHED_STOP = "unmatched_stop"
PROBLEMS = (BUDGET, OVERLAP_MISMATCH, RECORD_ERROR, SERIES_LIMIT, SYNC_ERROR, UNMATCHED_STOP)

IDENTITY_LABELS = ("plugin", "plugin_task", "plugin_job")
RESERVED_LABELS = frozenset((*IDENTITY_LABELS, "name", "le", "quantile", "q", "self", "sync"))

_NAME = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)*\Z")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")
_SESSION = re.compile(r"[A-Za-z0-9_-]{8,64}\Z")
_UPDATE = '{"type":"update","number":%d,"monotonic":%r,"since":%r'
# Not json's own functions: tests and programs replace them.
_encode_json = JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_decode_json = JSONDecoder().decode
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

Labels = Tuple[Tuple[str, str], ...]
#: The types of a label's value that an author may give; see ``labels.label_text``.
LabelValue = Union[str, SupportsFloat, Enum]


def check_name(name: Any, what: str = "metric name") -> str:
    """Return ``name`` as a plain str if it is a metric name by pywaggle's rule.

    Raises InvalidType or InvalidMetric with the rule; ``what`` says what the name is for.
    """
    if not issubclass(type(name), str):  # isinstance would believe a proxy, and run its code
        raise InvalidType("%s must be a str like 'inference', got %s" % (what, describe(name)))
    plain: str = str.__str__(name)  # a (str, Enum) has its own hash and repr
    if len(plain) > MAX_NAME_LENGTH:
        raise InvalidMetric(
            "%s must have at most %d characters, got %d: %.60r..."
            % (what, MAX_NAME_LENGTH, len(plain), plain)
        )
    if not _NAME.match(plain):
        raise InvalidMetric(
            "%s must be parts of [a-z0-9_] joined by '.', like 'plugin.inference', got %r"
            % (what, plain)
        )
    if plain.startswith("__"):
        raise InvalidMetric("%ss that begin with '__' are reserved, got %r" % (what, plain))
    return plain


def check_labels(labels: Mapping[str, Any]) -> Labels:
    """Return ``labels`` as sorted pairs of strings; :func:`labels.label_text` says what is allowed.

    Raises InvalidMetric or InvalidType with the rule.
    """
    if len(labels) > MAX_LABELS:
        raise InvalidMetric("at most %d labels on a series, got %d" % (MAX_LABELS, len(labels)))
    pairs: List[Tuple[str, str]] = []
    sizes: Dict[str, int] = {}
    for label, value in labels.items():
        if not isinstance(label, str):
            raise InvalidType("label name must be a str, got " + describe(label))
        if len(label) > MAX_LABEL_NAME_LENGTH or not _LABEL.match(label):
            raise InvalidMetric(
                "label name must match [a-zA-Z_][a-zA-Z0-9_]* with at most %d characters, "
                "got %.80r" % (MAX_LABEL_NAME_LENGTH, label)
            )
        if label in RESERVED_LABELS or label.startswith("__"):
            raise InvalidMetric(
                "label name %r is reserved (so are names that begin with '__', and %s)"
                % (label, ", ".join(sorted(RESERVED_LABELS)))
            )
        text = label_text(label, value)
        if len(text) > MAX_LABEL_VALUE_LENGTH:
            raise InvalidMetric(
                "value of label %r must have at most %d characters, got %d"
                % (label, MAX_LABEL_VALUE_LENGTH, len(text))
            )
        try:
            sizes[label] = len(label) + len(text.encode("utf-8"))
        except UnicodeEncodeError:
            raise InvalidMetric("value of label %r must be valid Unicode" % label) from None
        pairs.append((label, text))
    size = sum(sizes.values())
    if size > MAX_LABELS_BYTES:
        largest = max(sizes, key=sizes.__getitem__)
        raise InvalidMetric(
            "names and values of a series' labels must have at most %d bytes in all, got %d; "
            "the largest is %r with %d" % (MAX_LABELS_BYTES, size, largest, sizes[largest])
        )
    return tuple(sorted(pairs))


def check_function(name: Any) -> str:
    """Return ``name`` if it may be a function's name. Raises InvalidType or InvalidMetric."""
    if not isinstance(name, str):
        raise InvalidType("function must be a str, got %s: %.60r" % (type(name).__name__, name))
    if not 0 < len(name) <= MAX_FUNCTION_LENGTH or not is_plain_text(name):
        raise InvalidMetric(
            "function must have 1 to %d characters, none of them a control character or a lone "
            "surrogate, got %.60r" % (MAX_FUNCTION_LENGTH, name)
        )
    return name


def is_plain_text(text: str) -> bool:
    """Tell whether it has no control character and no lone surrogate."""
    return not _CONTROL.search(text)


def check_session_id(session: Any) -> str:
    """Return ``session`` if it may be the id or key of a session. Raises ProtocolError."""
    if not isinstance(session, str) or not _SESSION.match(session):
        raise ProtocolError(
            "bad_message", "session and key must be 8 to 64 characters of [A-Za-z0-9_-]"
        )
    return session


def encode_number(value: float) -> str:
    """Return the text of a number. NaN and infinities become strings."""
    if math.isfinite(value):
        return repr(value)
    if math.isnan(value):
        return '"NaN"'
    return '"+Inf"' if value > 0 else '"-Inf"'


def encode(message: Mapping[str, Any]) -> bytes:
    """Return one message as one line, with its newline."""
    return encode_cell(message).encode() + b"\n"


def encode_cell(cell: Mapping[str, Any]) -> str:
    """Return the text of one cell in ASCII, as :func:`encode_updates` takes it."""
    return _encode_json(cell)


def decode(line: bytes) -> Dict[str, Any]:
    """Return the message on one line, with or without its newline. Raises ProtocolError."""
    try:
        message = _decode_json(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ProtocolError("bad_json", "a line must be one JSON object: %s" % error) from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise ProtocolError("bad_message", "a message is a JSON object with a string 'type'")
    return message


def encode_updates(
    cells: Iterable[str],
    number: int,
    monotonic: float,
    since: float,
    process: Optional[Mapping[str, Any]] = None,
) -> Iterator[Tuple[int, bytes]]:
    """Yield ``(number, line)`` for as many ``update`` messages as the encoded cells need.

    No line is longer than :data:`MAX_UPDATE_BYTES`. Each has its own number, rising from
    ``number``. ``process`` travels in the first.
    """
    encoded = list(cells)
    start = 0
    while True:
        prefix = _UPDATE % (number, monotonic, since)
        if process is not None:
            prefix += ',"process":' + encode_cell(process)
            process = None
        prefix += ',"cells":['
        room = MAX_UPDATE_BYTES - len(prefix) - 3
        end = start
        while end < len(encoded) and len(encoded[end]) < room:
            room -= len(encoded[end]) + 1
            end += 1
        yield number, (prefix + ",".join(encoded[start:end]) + "]}\n").encode()
        # A cell has bounded strings and at most 401 buckets, so it always fits a line.
        start = max(end, start + 1)
        if start >= len(encoded):
            return
        number += 1


class LineBuffer:
    """Cuts a byte stream into lines, in memory bounded by one line.

    A line over ``limit`` bytes, newline included, is skipped to its end and reported once.
    """

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self.set_limit(limit)
        self._pending = bytearray()
        self._skipping = False

    def set_limit(self, limit: int) -> None:
        """Allow another length from the next line on, also within a ``feed``."""
        self._longest = limit - 1

    @property
    def unfinished(self) -> int:
        """The number of bytes held of an incomplete line."""
        return len(self._pending)

    def feed(self, data: bytes) -> Iterator[Optional[bytes]]:
        """Yield each line completed by ``data``, without newline; None for one over the limit."""
        start = 0
        while True:
            end = data.find(b"\n", start)
            part = data[start:] if end < 0 else data[start:end]
            if not self._skipping:
                if len(self._pending) + len(part) > self._longest:
                    # Reported now, since its newline may never come.
                    self._pending.clear()
                    self._skipping = True
                    yield None
                elif end < 0:
                    self._pending += part
                elif self._pending:
                    # Cleared first, so that handling a line doesn't double its memory.
                    line = bytes(self._pending + part)
                    self._pending.clear()
                    yield line
                else:
                    yield part
            if end < 0:
                return
            self._skipping = False
            start = end + 1
