"""Imported by Python at its start under ``waggle-live run``; must never break that start."""

import os
import sys


def _run_shadowed() -> None:
    """Import the ``sitecustomize`` that this one hides, as if this one weren't there."""
    here = os.path.dirname(os.path.abspath(__file__))
    path, own = list(sys.path), sys.modules.pop("sitecustomize", None)
    sys.path[:] = [entry for entry in path if os.path.abspath(entry or ".") != here]
    try:
        import sitecustomize  # noqa: F401
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
        if own is not None:
            sys.modules["sitecustomize"] = own


try:
    from waggle_live.run import hooks, sysexit
except ImportError:  # another Python, where waggle_live isn't installed
    pass
else:
    hooks.install()
    sysexit.install()

_run_shadowed()
