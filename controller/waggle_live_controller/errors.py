"""All errors of this package. Each is a ControllerError.

A node that gives no snapshot raises a NodeError; an unknown plugin or series raises a lookup error.
"""


class ControllerError(Exception):
    """Base of all errors that this package raises on purpose."""


class InvalidAddress(ControllerError, ValueError):
    """A node's address or timeout can't be used; the message states the rule."""


class InvalidCredentials(ControllerError, ValueError):
    """A certificate, key, user or password can't be used; the message says which and why."""


class NodeError(ControllerError):
    """A node gave no snapshot. ``url`` is the node's; ``text`` says why."""

    def __init__(self, url: str, text: str) -> None:
        super().__init__("%s: %s" % (url, text))
        self.url = url
        self.text = text


class NodeUnreachable(NodeError):
    """Nothing answers there, or no whole answer came in time. The next poll may succeed."""


class NodeLate(NodeUnreachable):
    """A node of a fleet has not answered yet; its poll goes on."""


class NodeNotReady(NodeError):
    """The collector is there but can't answer now: it has just started, or is too busy."""


class NodeRefused(NodeError):
    """The collector wants another certificate, user or password."""


class NodeAnswerInvalid(NodeError):
    """What answers there is no collector that this version understands."""


class LeaseError(NodeError):
    """A node didn't take a will; what was held before lasts until its lease is over."""


class LeaseConflict(LeaseError):
    """Another program holds leases under the same holder's name: a second copy of this one."""


class ControlRefused(LeaseError):
    """The node takes no orders, or none with this token; the message is the collector's."""


class UnknownPlugin(ControllerError, KeyError):
    """The node knows no such plugin; the message lists those that it knows."""

    __str__ = Exception.__str__  # KeyError's would quote the message


class AmbiguousPlugin(ControllerError, LookupError):
    """Several plugins have this task and are equally up; the message has their keys.

    It is no KeyError, so that ``get`` doesn't take the plugin for absent.
    """


class UnknownSeries(ControllerError, KeyError):
    """The plugin has no such series; the message lists those that it has."""

    __str__ = Exception.__str__
