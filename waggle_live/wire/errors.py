"""All errors that Waggle Live raises on purpose, in one tree."""

from typing import Any


class LiveMetricsError(Exception):
    """Base of all errors of this package: catch it to catch them all."""


class InvalidMetric(LiveMetricsError, ValueError):
    """A metric name, label, value or kind breaks a rule. The message states the rule."""


class InvalidType(LiveMetricsError, TypeError):
    """An argument has the wrong Python type. The message states the right one."""


class InvalidAddress(LiveMetricsError, ValueError):
    """A collector's address is none of ``unix:///path``, ``tcp://host:port`` and ``off``."""


class InvalidProfile(LiveMetricsError, ValueError):
    """A file is no whole profile of TAU. The message says where it fails."""


class ProtocolError(LiveMetricsError, ValueError):
    """Bytes from the peer are no message of the wire protocol.

    ``code``: the machine-readable reason, as it travels in an ``error`` message.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def describe(value: Any) -> str:
    """Return the type of ``value`` and the start of its repr; the text of an exception.

    Used in messages. Never raises, even if the repr does.
    """
    try:
        text = "%.200s" % value if isinstance(value, Exception) else "%.60r" % (value,)
        return "%s: %s" % (type(value).__name__, text)
    except Exception as error:
        return "%s, whose repr raises %s" % (type(value).__name__, type(error).__name__)
