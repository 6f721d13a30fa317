"""Numbers as instruments take them: what ``float()`` takes, except text."""

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
    """Return ``float(value)``. The message of an error begins with ``what % name``.

    Raises InvalidMetric for an int that is too large for a float, InvalidType for text and all
    else. What the author's ``__float__`` raised is its ``__cause__``.
    """
    of = type(value)
    try:
        # float() takes the digits of NumPy's text, too. bytearray and its like have no __float__.
        # Before Python 3.8 float() ignored __index__.
        if not isinstance(value, (str, bytes)):
            if hasattr(of, "__float__"):
                return float(value)
            if hasattr(of, "__index__"):
                return float(index(value))
    except OverflowError as error:
        raise InvalidMetric(what % name + " is too large for a float") from error
    except Exception as error:  # not kept: it holds this frame, and so the value
        if Native.is_of_handler(error):
            raise
        got = "%s (%s)" % (describe(value), describe(error))
        raise InvalidType(_RULE % (what % name, got)) from error
    raise InvalidType(_RULE % (what % name, describe(value)))
