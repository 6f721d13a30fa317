"""What a node said at one moment."""

import time
from typing import NamedTuple

from .plugins import Plugins


class NodeIdentity(NamedTuple):
    """Which node it is; empty where the collector wasn't told."""

    node_id: str
    vsn: str


class Snapshot(NamedTuple):
    """All plugins of a node as they were when it answered. It never changes."""

    url: str
    node: NodeIdentity
    plugins: Plugins
    #: ``time.monotonic()`` of the answer.
    received: float

    @property
    def age(self) -> float:
        """Seconds since the answer: to be added to every age in it, if it was kept for a while."""
        return time.monotonic() - self.received
