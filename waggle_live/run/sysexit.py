"""Detects that ``sys.exit(3)`` ends the interpreter, which atexit functions can't see."""

import sys
from _thread import get_ident

TYPE_CHECKING = False  # each Python that a plugin starts loads this, mostly before typing
if TYPE_CHECKING:
    from typing import Any


def install() -> None:
    """Replace ``sys.exit`` by ours.

    It raises the same SystemExit, with the same traceback.
    """
    module: "Any" = sys
    original = module.exit
    main_thread = get_ident()
    thread = get_ident  # as it is now, before anybody patches it

    # A class: Python first calls ``__new__``, which sees the exception and returns. Then it calls
    # ``__init__``, which is in C and raises it, so no frame of ours is in the traceback.
    class Exit:
        __doc__ = original.__doc__

        def __new__(cls, *status: "Any", **_: "Any") -> "Any":
            self: "Any" = super().__new__(cls)
            self.failures = []
            if status and isinstance(status[0], tuple):
                return self  # up to Python 3.11 the status changes once the error is caught
            try:
                original(*status)
            except SystemExit as error:
                ends = sys.modules.get("waggle_live.reporter.ends")  # else there is no session
                if ends and ends.status_of(error) == ends.ERROR and thread() == main_thread:
                    error.__dict__["_waggle_live"] = _Witness(ends.note_failed_exit)
                    self.failures.append(error.with_traceback(None))
            except TypeError:  # too many arguments; named ones are refused later
                pass
            return self

        def _raising(self: "Any") -> "Any":
            if not self.failures:
                return original
            from functools import partial

            # ``pop``, so that only its catcher keeps the exception.
            return partial(next, map(original, iter(self.failures.pop, None)))

        __init__: "Any" = property(_raising)

    Exit.__module__, Exit.__name__, Exit.__qualname__ = "sys", "exit", "exit"
    module.exit = Exit


class _Witness:
    """Travels with a SystemExit. A catcher drops it in some frame, the interpreter in none."""

    def __init__(self, note: "Any") -> None:
        self._note = note

    def __del__(self) -> None:
        try:
            sys._getframe(1)
        except ValueError:  # the stack is empty
            self._note()

    def __reduce__(self) -> "Any":
        return bool, ()  # a pickled exception leaves it behind
