"""What a reader is told instead of numbers.

A node that gave none is a ``NodeError``; a name that stands for none is a lookup error. Nothing of
this ever becomes a zero.
"""


class ControllerError(Exception):
    """Base of all that this package raises on purpose."""


class InvalidAddress(ControllerError, ValueError):
    """A node's address or timeout that can't be used; the message states the rule."""


class NodeError(ControllerError):
    """A node gave no snapshot; the message says why. ``url`` is the node's."""

    def __init__(self, url: str, text: str) -> None:
        super().__init__("%s: %s" % (url, text))
        self.url = url
        self.text = text


class NodeUnreachable(NodeError):
    """Nobody is there, or no whole answer came in time. It may be there the next time."""


class NodeLate(NodeUnreachable):
    """A node of a fleet has not answered yet, and is still waited for."""


class NodeNotReady(NodeError):
    """The collector is there and can't answer now: it has just started, or is too busy."""


class NodeRefused(NodeError):
    """The collector wants another certificate, user or password."""


class NodeAnswerInvalid(NodeError):
    """What answers there is no collector that this version understands."""


class InvalidCredentials(ControllerError, ValueError):
    """A certificate, key, user or password that can't be used; the message says which and why."""


class UnknownPlugin(ControllerError, KeyError):
    """The node knows no such plugin (any more); the message says which it knows."""

    __str__ = Exception.__str__  # and not KeyError's, which quotes the message


class AmbiguousPlugin(ControllerError, LookupError):
    """Several plugins have this task and are equally up; the message has their keys.

    No KeyError, for else ``get`` would take it for a plugin that isn't there.
    """


class UnknownSeries(ControllerError, KeyError):
    """The plugin has no such series; the message says which it has."""

    __str__ = Exception.__str__
