"""Replaces pywaggle's ``Plugin`` by ours."""

import sys
from typing import Any

from . import hooks


def patch(module: Any) -> None:
    """Replace pywaggle's Plugin by ours, for every style of import.

    Called once pywaggle's is loaded, and once ours is. Ours imports pywaggle's, so at the first of
    these calls ours may still be loading; then the second call does the work. A pywaggle that ours
    can't extend is left alone, and one line says so.
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
