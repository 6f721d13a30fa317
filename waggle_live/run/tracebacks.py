"""Keeps the frames that ``run`` adds out of the tracebacks of errors that nobody catches.

From Python 3.11 on no traceback has them (:mod:`waggle_live.frames`). Python 3.6 can't change a
traceback, and prints them. So does, before 3.11, a program that prints tracebacks by other means.
"""

import sys

from ..frames import is_ours
from . import hooks

TYPE_CHECKING = False  # each Python that a plugin starts loads this, mostly before typing
if TYPE_CHECKING:
    from typing import Any


def install() -> None:
    """Change what prints them: in the main thread and, from Python 3.8 on, in others.

    Needed before Python 3.11.
    """
    _of_main_thread()
    if "threading" in sys.modules:
        patch(sys.modules["threading"])
    else:
        hooks.PATCHES["threading"] = ".tracebacks"


def patch(threading: "Any") -> None:
    """Change what prints the errors of threads."""
    if not hasattr(threading, "excepthook"):
        return
    original = threading.excepthook

    def excepthook(args: "Any") -> None:
        traceback = _without_ours(args.exc_value, args.exc_traceback)
        original(threading.ExceptHookArgs((args.exc_type, args.exc_value, traceback, args.thread)))

    threading.excepthook = _named_as(original, excepthook)
    if hasattr(threading, "__excepthook__"):  # Python 3.10
        threading.__excepthook__ = threading.excepthook


def _of_main_thread() -> None:
    original = sys.excepthook

    def excepthook(kind: "Any", error: "Any", traceback: "Any") -> None:
        original(kind, error, _without_ours(error, traceback))

    # Set both: a program that checks whether it was replaced, or restores it, sees no difference.
    module: "Any" = sys
    module.excepthook = module.__excepthook__ = _named_as(original, excepthook)


def _named_as(original: "Any", function: "Any") -> "Any":
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(function, name, getattr(original, name))
    function.__wrapped__ = original
    return function


def _without_ours(error: "Any", traceback: "Any") -> "Any":
    """Return a traceback without our frames, also from the errors that caused ``error``."""
    try:
        changed = set()
        while error is not None and id(error) not in changed:
            changed.add(id(error))
            own = BaseException.__dict__["__traceback__"].__get__(error)  # may be overridden
            BaseException.with_traceback(error, _trim(own))
            error = error.__cause__ or error.__context__
        return _trim(traceback)
    except Exception:  # print it unchanged
        return traceback


def _trim(traceback: "Any") -> "Any":
    first = traceback
    while first is not None and is_ours(first):
        first = first.tb_next
    each = first
    while each is not None:
        while each.tb_next is not None and is_ours(each.tb_next):
            each.tb_next = each.tb_next.tb_next
        each = each.tb_next
    return first
