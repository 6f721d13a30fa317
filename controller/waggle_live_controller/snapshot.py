"""``Snapshot``: one answer of a node."""

import time
from typing import Mapping, NamedTuple, Optional

from .differences import Difference, difference
from .hints import names_its_fields
from .plugins import PluginIdentity, Plugins


@names_its_fields
class NodeIdentity(NamedTuple):
    """The node's names. Empty if the collector doesn't know them."""

    node_id: str
    vsn: str


@names_its_fields
class Snapshot(NamedTuple):
    """All plugins of a node as they were when it answered. Immutable."""

    url: str
    node: NodeIdentity
    plugins: Plugins
    #: ``time.monotonic()`` of the answer; earlier if a cache on the way had kept it.
    received: float
    #: Plugins that have left since, for 24 h: how many of their processes ended how.
    gone: Mapping[PluginIdentity, Mapping[str, int]] = {}
    #: Unix time of the answer by the collector's clock; None if it doesn't say.
    now: Optional[float] = None
    #: Over how many seconds means, quantiles and rates are; None from an older collector, which may
    #: know no other window than 10 s.
    window: Optional[int] = None

    def since(self, earlier: "Snapshot") -> Difference:
        """Return what happened between an ``earlier`` snapshot of the same node and this one.

        Raises ValueError for a snapshot of another node. A value is None if it is unknown: for a
        plugin that restarted, is not heard or was not there, and for a counter that fell.
        """
        if earlier.url != self.url:
            raise ValueError("a snapshot of %s tells nothing of %s" % (earlier.url, self.url))
        return difference(earlier.plugins, self.plugins, self.received - earlier.received)

    @property
    def age(self) -> float:
        """Seconds since the answer was made, as far as is known.

        Add it to the ages in a snapshot that was kept for a while. If a cache on the way repeats an
        old answer, it is large at once.
        """
        return time.monotonic() - self.received
