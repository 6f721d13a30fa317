"""Knobs on the wire: what may be declared, and which values a declaration allows.

Client and collector both check by these rules. The client's check is final.
"""

import math
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from .errors import InvalidMetric, InvalidType, ProtocolError, describe
from .protocol import check_name, encode_cell, is_plain_text

#: The most knobs of one process, besides :data:`PROFILE`.
MAX_KNOBS = 32
#: The most choices of a knob.
MAX_CHOICES = 16
#: The longest value of a knob of type str, in characters.
MAX_TEXT = 64
#: The largest absolute value of type int: all JSON readers take integers up to this one exactly.
MAX_INT = 2**53
#: The longest reason for a refusal, in characters.
MAX_ERROR = 256
#: The longest time in seconds until a new value shows.
MAX_SETTLE = 3600.0
#: The longest lease in seconds. A client ends it then, unless it is renewed.
MAX_LEASE = 60.0
#: The largest revision.
MAX_REVISION = 2**63 - 1
#: The most bytes of one declaration as JSON, so that all of a process always fit a message.
MAX_DECLARATION_BYTES = 2048

HIGHER, LOWER = "higher", "lower"
#: Where the value of a knob comes from.
SOURCES = (DEFAULT, SET, PINNED) = ("default", "set", "pinned")

#: The knob of each process that takes orders: samples of its stacks per second.
PROFILE = "__profile"
MAX_PROFILE_HZ = 200

Value = Union[bool, int, float, str]
_TYPES: Dict[str, type] = {"bool": bool, "int": int, "float": float, "str": str}
_FIELDS = ("type", "default", "choices", "low", "high", "better", "cost", "settle")


class Declaration:
    """What an author allows of one knob. Immutable; equal ones declare the same."""

    __slots__ = ("name", *_FIELDS)

    name: str
    type: str
    default: Value
    choices: Optional[Tuple[Value, ...]]
    low: Optional[Value]
    high: Optional[Value]
    better: Optional[str]
    cost: Optional[Tuple[float, ...]]
    settle: float

    def check(self, value: Any) -> Value:
        """Return ``value`` in this knob's type, if it is allowed.

        An int is taken for a float; a bool is no int. Raises InvalidType or InvalidMetric with the
        rule.
        """
        if self.choices is not None and type(value) is _TYPES[self.type] and value in self.choices:
            return value
        what = "value of knob %r" % self.name
        checked = _exact(value, self.type, what)
        if self.choices is not None and checked not in self.choices:
            allowed = ", ".join(map(repr, self.choices))
            raise InvalidMetric("%s must be one of %s, got %r" % (what, allowed, checked))
        if self.low is not None and not self.low <= checked <= self.high:  # type: ignore[operator]
            of = (what, self.low, self.high, checked)
            raise InvalidMetric("%s must be %r to %r, got %r" % of)
        return checked

    def fields(self) -> Dict[str, Any]:
        """Return the fields of this declaration on the wire. What is unset is left out."""
        found: Dict[str, Any] = {"name": self.name}
        for field in _FIELDS:
            value = getattr(self, field)
            if value is not None and not (field == "settle" and value == 0):
                found[field] = value
        return found

    def _key(self) -> Tuple[Any, ...]:
        return tuple(getattr(self, field) for field in self.__slots__)

    def __reduce__(self) -> Tuple[Any, ...]:
        return declared, (self.fields(),)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Declaration) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return "Declaration(%s)" % encode_cell(self.fields())


def declare(
    name: Any,
    default: Any,
    *,
    choices: Any = None,
    low: Any = None,
    high: Any = None,
    better: Any = None,
    cost: Any = None,
    settle: Any = None,
) -> Declaration:
    """Return the checked declaration of a knob. Raises InvalidMetric or InvalidType with the rule.

    The type is that of ``default``. It is float if ``default``, ``choices``, ``low`` and ``high``
    are numbers, and one is a float. ``choices``: 1 to 16 values with the cheapest first,
    ``default`` among them. Or ``low`` and ``high``: numbers with ``default`` between them. Without
    either, each value of the type is allowed. ``better``: ``"higher"`` (the default) or ``"lower"``
    values give better and dearer results. ``cost``: one positive number per choice, which never
    falls. ``settle``: seconds, 0 to 3,600, until a new value shows in what is measured.
    """
    made = Declaration()
    made.name = check_name(name, "knob name")
    listed = None if choices is None else _items(choices, "choices", made.name)
    given = [default, *(listed or ()), *(each for each in (low, high) if each is not None)]
    made.type = _type_of(given, made.name)
    what = " of knob %r" % made.name
    made.default = _exact(default, made.type, "default" + what)
    made.choices = made.low = made.high = made.cost = None
    if listed is not None:
        if low is not None or high is not None:
            raise InvalidMetric("knob %r takes choices, or low and high, not both" % made.name)
        made.choices = tuple(_exact(each, made.type, "choice" + what) for each in listed)
        if not 1 <= len(made.choices) <= MAX_CHOICES or len(set(made.choices)) < len(made.choices):
            raise InvalidMetric(
                "choices%s must be 1 to %d different values, got %d: %.200r"
                % (what, MAX_CHOICES, len(made.choices), made.choices)
            )
    elif low is not None or high is not None:
        if made.type not in ("int", "float"):
            raise InvalidMetric("knob %r is a %s, and takes no low and high" % (name, made.type))
        if low is None or high is None:
            raise InvalidMetric("knob %r takes both low and high, or none of them" % made.name)
        made.low = _exact(low, made.type, "low" + what)
        made.high = _exact(high, made.type, "high" + what)
        if not made.low < made.high:  # type: ignore[operator]
            of = (what, made.low, made.high)
            raise InvalidMetric("low%s must be less than high, got %r, %r" % of)
    try:
        made.check(made.default)
    except InvalidMetric as error:
        raise InvalidMetric("default%s is not allowed: %s" % (what, error)) from None
    made.better = None if better is None else _exact(better, "str", "better" + what)  # type: ignore[assignment]
    if made.better not in (None, HIGHER, LOWER):
        raise InvalidMetric("better%s must be 'higher' or 'lower', got %r" % (what, made.better))
    if cost is not None:
        made.cost = _costs(cost, made.choices, made.name)
    made.settle = 0.0 if settle is None else _exact(settle, "float", "settle" + what)  # type: ignore[assignment]
    if not 0 <= made.settle <= MAX_SETTLE:
        raise InvalidMetric("settle%s must be 0 to %g s, got %r" % (what, MAX_SETTLE, made.settle))
    size = len(encode_cell(made.fields()))
    if size > MAX_DECLARATION_BYTES:
        of = (made.name, MAX_DECLARATION_BYTES, size)
        raise InvalidMetric("knob %r must have at most %d bytes as JSON, got %d" % of)
    return made


def declared(entry: Any) -> Declaration:
    """Return the declaration in an entry of a message ``knobs``; it may be :data:`PROFILE`.

    Raises InvalidMetric or InvalidType for what no client may declare. Other fields are ignored.
    """
    if not isinstance(entry, dict):
        raise InvalidType("a knob must be an object, got " + describe(entry))
    fields = {field: entry.get(field) for field in _FIELDS if field != "type"}
    if entry.get("name") == PROFILE:
        return PROFILE_KNOB
    made = declare(entry.get("name"), **fields)
    if made.type != entry.get("type"):
        # A default of 1 may be a float: other languages don't write its point.
        if entry.get("type") != "float" or made.type != "int":
            of = (made.name, "|".join(_TYPES), made.type, describe(entry.get("type")))
            raise InvalidMetric("type of knob %r must be one of %s, here %s, got %s" % of)
        fields["default"] = float(made.default)
        made = declare(made.name, **fields)
    return made


class Lease(NamedTuple):
    """One entry of a message ``set``. Its ``value`` is not checked yet."""

    name: str
    value: Any
    seconds: float
    revision: int


def decode_set(message: Mapping[str, Any]) -> Tuple[List[Lease], bool]:
    """Return the leases of a message ``set``, and whether stacks are to be collected.

    An entry without name, seconds or revision is left out, and so are those past ``MAX_KNOBS`` + 1.
    Raises ProtocolError if there is no list of them.
    """
    entries: Any = message.get("knobs")
    if not isinstance(entries, list):
        raise ProtocolError("bad_message", "knobs of a set must be a list")
    leases = []
    for entry in entries[: MAX_KNOBS + 1]:
        if not isinstance(entry, dict):
            continue
        fields: Tuple[Any, ...] = tuple(map(entry.get, ("name", "seconds", "revision")))
        name, seconds, revision = fields
        is_number = type(seconds) is int or (type(seconds) is float and not math.isnan(seconds))
        is_revision = type(revision) is int and 1 <= revision <= MAX_REVISION
        if type(name) is str and is_number and is_revision and "value" in entry:
            lasts = float(min(max(seconds, 0), MAX_LEASE))  # an int may be too large for a float
            leases.append(Lease(name, entry["value"], lasts, revision))
    return leases, message.get("stacks") is True


def _items(values: Any, field: str, name: str) -> List[Any]:
    wrong = InvalidType("%s of knob %r must be a list, got %s" % (field, name, describe(values)))
    if isinstance(values, (str, bytes, dict, set, frozenset)):
        raise wrong
    try:
        return list(values)
    except TypeError as error:
        raise wrong from error


def _type_of(values: Sequence[Any], name: str) -> str:
    """Return the one type of all values. Ints among floats are floats."""
    found = []
    for value in values:
        kinds = [kind for kind, of in _TYPES.items() if issubclass(type(value), of)]
        if not kinds:
            text = "values of knob %r must be of bool, int, float or str, got %s"
            raise InvalidType(text % (name, describe(value)))
        found.append(kinds[0])  # a bool is an int too, so bool comes first
    if set(found) == {"int", "float"}:
        return "float"
    for kind, value in zip(found, values):
        if kind != found[0]:
            text = "values of knob %r must be of one type, here %s, got %s"
            raise InvalidType(text % (name, found[0], describe(value)))
    return found[0]


def _exact(value: Any, kind: str, what: str) -> Value:
    """Return ``value`` as the plain type ``kind``, within the wire's bounds."""
    of = type(value)
    if kind == "bool" and of is bool:
        return bool(value)
    if kind == "int" and issubclass(of, int) and of is not bool:
        number = int.__int__(value)
        if abs(number) > MAX_INT:
            raise InvalidMetric("%s must be from -2^53 to 2^53, got %s" % (what, describe(number)))
        return number
    if kind == "float" and issubclass(of, (int, float)) and of is not bool:
        if issubclass(of, int):
            return float(_exact(value, "int", what))
        real = float.__float__(value)
        if not math.isfinite(real):
            raise InvalidMetric("%s must be a finite number, got %r" % (what, real))
        return real
    if kind == "str" and issubclass(of, str):
        text: str = str.__str__(value)
        if len(text) > MAX_TEXT or not is_plain_text(text):
            raise InvalidMetric(
                "%s must have at most %d characters, none of them a control character or a lone "
                "surrogate, got %d: %.70r" % (what, MAX_TEXT, len(text), text)
            )
        return text
    raise InvalidType("%s must be of type %s, got %s" % (what, kind, describe(value)))


def _costs(cost: Any, choices: Optional[Tuple[Value, ...]], name: str) -> Tuple[float, ...]:
    what = "cost of knob %r" % name
    found: List[Any] = [_exact(each, "float", what) for each in _items(cost, "cost", name)]
    rises = all(a <= b for a, b in zip(found, found[1:]))
    if not found or len(found) != len(choices or ()) or not rises or found[0] <= 0:
        raise InvalidMetric(
            "%s must be one positive number for each of its choices, the cheapest first, got %.200r"
            % (what, found)
        )
    return tuple(found)


def _profile() -> Declaration:
    made = declare("profile", default=0, low=0, high=MAX_PROFILE_HZ)
    made.name = PROFILE  # reserved: nobody else may declare it
    return made


#: The declaration of :data:`PROFILE`.
PROFILE_KNOB = _profile()
