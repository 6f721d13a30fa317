"""Sees ``sys.exit(3)`` end the interpreter: atexit functions can't tell it from a clean end."""

import functools
import sys
from typing import Any

from ..native import Native
from ..reporter import ends


def install() -> None:
    """Put a ``sys.exit`` of ours in the place of Python's.

    What it raises is the same SystemExit, with the same traceback.
    """
    module: Any = sys
    original = module.exit
    main_thread = Native.get_ident()

    # A class, since Python calls ``__new__``, which looks at the exception and returns, and then
    # what is got as ``__init__``: that raises it and is C, so no frame of ours is in the traceback.
    @functools.wraps(original, updated=())
    class Exit:
        def __new__(cls, *status: Any, **_: Any) -> Any:
            self: Any = super().__new__(cls)
            self.failures = []
            if status and isinstance(status[0], tuple):
                return self  # up to Python 3.11 it is another status once the error is caught
            try:
                original(*status)
            except SystemExit as error:
                is_failure = ends.status_of(error) == ends.ERROR
                if is_failure and Native.get_ident() == main_thread:
                    error.__dict__["_waggle_live"] = _Witness()
                    self.failures.append(error.with_traceback(None))
            except TypeError:  # too many arguments; named ones are refused later on
                pass
            return self

        def _raising(self: Any) -> Any:
            if not self.failures:
                return original
            # ``pop``, so that nobody but its catcher keeps the exception.
            return functools.partial(next, map(original, iter(self.failures.pop, None)))

        __init__: Any = property(_raising)

    module.exit = Exit


class _Witness:
    """Goes with a SystemExit. Who catches one drops it in some frame, the interpreter in none."""

    def __del__(self) -> None:
        try:
            sys._getframe(1)
        except ValueError:  # the stack is empty
            ends.note_failed_exit()

    def __reduce__(self) -> Any:
        return bool, ()  # it stays here when the exception is pickled
