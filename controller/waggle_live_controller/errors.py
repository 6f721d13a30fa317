"""All errors of this package. Each is a ControllerError.

A node that gives no snapshot raises a NodeError. An unknown plugin or series raises a KeyError.
"""


class ControllerError(Exception):
    """Base of all errors that this package raises on purpose."""


class InvalidAddress(ControllerError, ValueError):
    """A node's address or timeout can't be used; the message states the rule."""


class InvalidCredentials(ControllerError, ValueError):
    """A certificate, key, user or password can't be used; the message says which and why."""


class NodeError(ControllerError):
    """A node gave no snapshot. ``url``: the node's; ``text``: why."""

    def __init__(self, url: str, text: str) -> None:
        super().__init__("%s: %s" % (url, text))
        self.url = url
        self.text = text


class NodeUnreachable(NodeError):
    """Nothing answers there, or no whole answer came in time. The next poll may succeed."""


class NodeLate(NodeUnreachable):
    """A node of a fleet has not answered within the time given. Its poll goes on."""


class NodeNotReady(NodeError):
    """The collector can't answer now: it has just started, or is too busy. Try again soon."""


class NodeRefused(NodeError):
    """The collector refuses this certificate, user or password, or requires one."""


class NodeAnswerInvalid(NodeError):
    """The answer isn't that of a collector which this version understands."""


class LeaseError(NodeError):
    """A node didn't accept the values to hold. Earlier leases last until their end."""


class LeaseConflict(LeaseError):
    """Another program uses the same holder's name: probably a second copy of this one."""


class ControlRefused(LeaseError):
    """The node takes no orders, or none with this token. The message is the collector's."""


class UnknownPlugin(ControllerError, KeyError):
    """The node knows no such plugin. The message lists those that it knows."""

    __str__ = Exception.__str__  # KeyError's would quote the message


class AmbiguousPlugin(ControllerError, LookupError):
    """Several plugins have this task, and none or several are up. The message has their keys.

    It is no KeyError, so that ``get`` doesn't take the plugin for missing.
    """


class UnknownSeries(ControllerError, KeyError):
    """The plugin has no such series. The message lists those that it has."""

    __str__ = Exception.__str__
