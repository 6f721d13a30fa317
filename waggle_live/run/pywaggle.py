"""pywaggle's ``Plugin``: ours stands in its place."""

import sys
from typing import Any

from . import hooks


def patch(module: Any) -> None:
    """Put our Plugin in the place of pywaggle's, for every style of import.

    Called once pywaggle's is loaded, and once ours is. Ours imports pywaggle's, so in the first
    of the two calls it may still be loading; then the second one does the work. A pywaggle that
    ours can't extend is left alone, with one line that says so.
    """
    theirs: Any = sys.modules["waggle.plugin"]
    if not hasattr(theirs, "plugin"):  # up to 0.51 it is a module and no package
        hooks.uninstall()
        if sys.stderr is not None:
            sys.stderr.write(
                "waggle-live: this pywaggle is older than 0.52: the plugin is not measured\n"
            )
        return
    from .. import plugin

    ours = getattr(plugin, "Plugin", None)
    if ours is not None:
        theirs.Plugin = theirs.plugin.Plugin = ours
