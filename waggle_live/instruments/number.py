"""The numbers that instruments take: what ``float()`` takes, but no text."""

from typing import Any

from ..wire.errors import InvalidMetric, InvalidType


def to_float(value: Any, what: str, name: str) -> float:
    """Return ``float(value)``; a str or what float() refuses raises, saying ``what % name``."""
    if not isinstance(value, (str, bytes)):
        try:
            return float(value)
        except (TypeError, ValueError):
            pass
        except OverflowError:
            raise InvalidMetric(what % name + " is too large for a float") from None
    raise InvalidType(
        "%s must be a number that float() takes, got %s: %.60r"
        % (what % name, type(value).__name__, value)
    )
