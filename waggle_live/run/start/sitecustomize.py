"""Imported by Python at its start under ``waggle-live run``; must never break that start.

Each Python that the plugin starts reads it, even Python 2: hence its old syntax.
"""

import os
import sys

try:
    from waggle_live.run import hooks, sysexit
except (ImportError, SyntaxError):  # another Python, without waggle_live or too old for it
    pass
else:
    hooks.install()
    sysexit.install()
    if sys.version_info < (3, 11):
        from waggle_live.run import tracebacks

        tracebacks.install()

# Import the ``sitecustomize`` that this one hides, as if this one weren't there.
_here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != _here]
_own = sys.modules.pop("sitecustomize", None)
try:
    import sitecustomize  # noqa: F401
except ImportError as error:
    if getattr(error, "name", "sitecustomize") != "sitecustomize":
        raise
    if _own is not None:
        sys.modules["sitecustomize"] = _own
