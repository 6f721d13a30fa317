"""pywaggle's ``Plugin``: ours stands in its place."""

import sys
from typing import Any


def patch(module: Any) -> None:
    """Put our Plugin in the place of pywaggle's, for every style of import.

    Called once pywaggle's is loaded, and once ours is. Ours imports pywaggle's, so in the first
    of the two calls it may still be loading; then the second one does the work.
    """
    from .. import plugin

    theirs: Any = sys.modules["waggle.plugin"]
    ours = getattr(plugin, "Plugin", None)
    if ours is not None:
        theirs.Plugin = theirs.plugin.Plugin = ours
