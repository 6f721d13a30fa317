"""``Snapshot``: one answer of a node."""

import time
from typing import Mapping, NamedTuple

from .differences import Difference, difference
from .plugins import PluginIdentity, Plugins


class NodeIdentity(NamedTuple):
    """The node's names; empty if the collector doesn't know them."""

    node_id: str
    vsn: str


class Snapshot(NamedTuple):
    """All plugins of a node as they were when it answered. Immutable."""

    url: str
    node: NodeIdentity
    plugins: Plugins
    #: ``time.monotonic()`` of the answer.
    received: float
    #: Plugins that have left since, for 24 h: how many of their processes ended how.
    gone: Mapping[PluginIdentity, Mapping[str, int]] = {}

    def since(self, earlier: "Snapshot") -> Difference:
        """Return what happened between an ``earlier`` snapshot of the same node and this one.

        Raises ValueError for a snapshot of another node. What isn't known is None: of a plugin that
        started anew, is not heard or was not there, and of a counter that fell.
        """
        if earlier.url != self.url:
            raise ValueError("a snapshot of %s tells nothing of %s" % (earlier.url, self.url))
        return difference(earlier.plugins, self.plugins, self.received - earlier.received)

    @property
    def age(self) -> float:
        """Seconds since the answer. Add it to the ages in a snapshot that was kept for a while."""
        return time.monotonic() - self.received
