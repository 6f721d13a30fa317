"""Calls of models of any library: the timer ``model.call``, labelled by the model's name.

Only the outermost call is measured. What a model calls within it, of any library, is part of it.
"""

import os
import threading
from typing import Any, Callable

from ...frames import leave_out_ours
from . import automatic


class _Calls(threading.local):
    """Whether this thread is within the call of a model."""

    is_within = False


_calls = _Calls()
if hasattr(os, "register_at_fork"):  # Python 3.7
    # A call that was running at the fork goes on in the child, but doesn't count there.
    os.register_at_fork(after_in_child=lambda: setattr(_calls, "is_within", False))


def call(library: str, name_of: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a wrapper for a method that runs a model, ``self``, until its result is there.

    ``name_of`` returns the model's name from ``self``; by default it is that of its class.
    """

    def wrap(original: Any) -> Any:
        calls = _calls

        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            if calls.is_within:
                try:
                    return original(self, *args, **kwargs)
                except BaseException:
                    leave_out_ours()
                    raise
            try:
                calls.is_within = True
                with timer(library, name_of, self):
                    return original(self, *args, **kwargs)
            except BaseException:
                leave_out_ours()
                raise
            finally:
                calls.is_within = False

        return method

    return wrap


def timer(library: str, name_of: Callable[[Any], Any], model: Any) -> Any:
    """Return a timer of one call of ``model``."""
    try:
        name = name_of(model)
    except Exception as error:  # a model with unexpected attributes
        automatic.log_once(library, "a %s model goes by its class: %r", library, error)
        name = None
    name = automatic.value_of("model", str(name or type(model).__name__))
    return automatic.timer("model.call", library=library, model=name)


def stem(path: Any) -> str:
    """Return the name of a model's file without folder and suffix; empty if there is none."""
    if not isinstance(path, (str, os.PathLike)):
        return ""
    return os.path.splitext(os.path.basename(str(path)))[0]
