"""The numbers that instruments take: what ``float()`` takes, but no text."""

from operator import index
from typing import TYPE_CHECKING, Any, SupportsFloat, Union

from ..native import Native
from ..wire.errors import InvalidMetric, InvalidType, describe

if TYPE_CHECKING:
    from typing import SupportsIndex

    Number = Union[SupportsFloat, SupportsIndex]
else:
    Number = SupportsFloat  # SupportsIndex came with Python 3.8


_RULE = "%s must be a number that float() takes, got %s"


def to_float(value: Any, what: str, name: str) -> float:
    """Return ``float(value)``; text or what float() refuses raises, saying ``what % name``.

    InvalidMetric for an int that no float holds, InvalidType for all else, whatever a
    ``__float__`` of the author's raised: that is its ``__cause__``.
    """
    of = type(value)
    try:
        # Of NumPy's text, too, float() takes the digits; bytearray and the like have no __float__.
        # Before Python 3.8 float() knew no __index__.
        if not isinstance(value, (str, bytes)):
            if hasattr(of, "__float__"):
                return float(value)
            if hasattr(of, "__index__"):
                return float(index(value))
    except OverflowError as error:
        raise InvalidMetric(what % name + " is too large for a float") from error
    except Exception as error:  # not kept for later: it holds this frame, and so the value
        if Native.is_of_handler(error):
            raise
        got = "%s (%s)" % (describe(value), describe(error))
        raise InvalidType(_RULE % (what % name, got)) from error
    raise InvalidType(_RULE % (what % name, describe(value)))
