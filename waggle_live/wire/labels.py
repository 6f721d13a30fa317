"""The allowed values of labels, and their text."""

from enum import Enum
from numbers import Complex, Number, Real
from typing import Any

from .errors import InvalidType, describe

_LABEL_VALUE = "value of label %r must be a str, a number, a bool or a member of an Enum, got %s"


def label_text(label: str, value: Any) -> str:
    """Return the text of a label's value, the same on every Python; InvalidType for other types.

    - a str, or a subclass of it such as a ``(str, Enum)``: the characters that it holds;
    - a bool: ``True`` or ``False``;
    - a number (int, float, Decimal, Fraction, NumPy's): its digits, those of an IntEnum too;
    - a member of another Enum: the text of its value;
    - an array or tensor without dimensions, ``numpy.bool_`` too: the text of its ``item()``.
    """
    try:
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, bool):
            return str(value)
        if isinstance(value, (int, float)):  # str(IntEnum) and repr(numpy.float64) have changed
            return (int if isinstance(value, int) else float).__repr__(value)
        if isinstance(value, Enum):
            return label_text(label, value.value)
        if isinstance(value, Number) and not (
            isinstance(value, Complex) and not isinstance(value, Real)
        ):
            return str(value)
        if getattr(value, "shape", None) == ():
            return label_text(label, value.item())
    except Exception as error:  # not kept: it would keep this frame
        got = "%s (%s)" % (describe(value), describe(error))
        raise InvalidType(_LABEL_VALUE % (label, got)) from error
    raise InvalidType(_LABEL_VALUE % (label, describe(value)))
