"""Every exception that Waggle Live raises on purpose, in one tree."""

from typing import Any


class LiveMetricsError(Exception):
    """Base of all errors of this project; catch this one to catch them all."""


class InvalidMetric(LiveMetricsError, ValueError):
    """A metric name, label, value or kind that breaks a rule; the message states the rule."""


class InvalidType(LiveMetricsError, TypeError):
    """An argument of the wrong Python type; the message states the right one."""


class InvalidAddress(LiveMetricsError, ValueError):
    """A collector address that is none of ``unix:///path``, ``tcp://host:port``, ``off``."""


class InvalidProfile(LiveMetricsError, ValueError):
    """A profile of TAU that is not whole, or not one at all; the message says where."""


class ProtocolError(LiveMetricsError, ValueError):
    """Bytes from the peer that are no message of the wire protocol.

    ``code`` is the machine-readable reason that travels in an ``error`` message.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def describe(value: Any) -> str:
    """Return the type of ``value`` and the beginning of its repr, of an exception its text.

    For messages: never raises, whatever the repr does.
    """
    try:
        text = "%.200s" % value if isinstance(value, Exception) else "%.60r" % (value,)
        return "%s: %s" % (type(value).__name__, text)
    except Exception as error:
        return "%s, whose repr raises %s" % (type(value).__name__, type(error).__name__)
