"""``Snapshot``: one answer of a node."""

import time
from typing import NamedTuple

from .plugins import Plugins


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

    @property
    def age(self) -> float:
        """Seconds since the answer. Add it to the ages in a snapshot that was kept for a while."""
        return time.monotonic() - self.received
