"""Sees ``sys.exit(3)`` end the interpreter: atexit functions can't tell it from a clean end."""

import functools
import sys
from typing import Any

from ..native import Native
from ..reporter import ends


def install() -> None:
    """Wrap ``sys.exit``; what it raises is the same SystemExit."""
    module: Any = sys
    original = module.exit
    main_thread = Native.get_ident()

    @functools.wraps(original)
    def exit(*status: Any) -> None:
        try:
            original(*status)
        except SystemExit as error:
            is_failure = ends.status_of(error) == ends.ERROR
            if is_failure and Native.get_ident() == main_thread:
                error.__dict__["_waggle_live"] = _Witness()
            raise

    module.exit = exit


class _Witness:
    """Goes with a SystemExit. Who catches one drops it in some frame, the interpreter in none."""

    def __del__(self) -> None:
        try:
            sys._getframe(1)
        except ValueError:  # the stack is empty
            ends.note_failed_exit()

    def __reduce__(self) -> Any:
        return bool, ()  # it stays here when the exception is pickled
