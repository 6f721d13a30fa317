"""How a process of a plugin ends: the status that its session says goodbye with."""

import sys
from typing import Any, Callable, Optional

from ..native import Native

OK, ERROR, STOPPED = STATUSES = "ok", "error", "stopped"

_has_failed = False  # only ``waggle-live run`` sees it


def status_of(error: Optional[BaseException]) -> str:
    """Return the status that an exception stands for which nobody caught; None stands for none."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return OK
    return STOPPED if isinstance(error, KeyboardInterrupt) else ERROR


class Left:
    """How the outermost block was left, if any was, and when."""

    def __init__(self) -> None:
        self._status = OK
        self._at = 0.0

    def note(self, error: Optional[BaseException], at: float) -> None:
        """The outermost block was left at the monotonic time ``at``."""
        self._status, self._at = status_of(error), at

    def status(self, recorded: float) -> str:
        """Return the status of a session that ends now and whose last value came at ``recorded``.

        Whoever goes on recording after a block that raised has caught what it raised.
        """
        return OK if recorded > self._at else self._status


def note_failed_exit() -> None:
    """``sys.exit`` ended this interpreter with a status that is a failure."""
    global _has_failed
    _has_failed = True


def status_of_interpreter() -> str:
    """Return the status that the end of this interpreter stands for; call it in atexit.

    An exception that ends it is in ``sys.last_value``; in an interactive one that says nothing.
    """
    if _has_failed:
        return ERROR
    return OK if hasattr(sys, "ps1") else status_of(getattr(sys, "last_value", None))


_is_registered = False


def finalize_child(end: Callable[[], None]) -> None:
    """Have ``end``, a function of a module, called at the end of a child of multiprocessing.

    That ends by ``os._exit``, without atexit. Does nothing where multiprocessing isn't loaded, and
    the second time.
    """
    global _is_registered
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None and not _is_registered:
        # Before its main function runs, a child clears all finalizers and then calls what
        # is registered here; where it runs already, the finalizer is made at once.
        util.register_after_fork(end, _make_finalizer)
        _make_finalizer(end)
        _is_registered = True


def _make_finalizer(end: Callable[[], None]) -> None:
    util: Any = sys.modules["multiprocessing.util"]
    process: Any = sys.modules["multiprocessing.process"]
    if process.current_process()._parent_pid is not None:
        util.Finalize(None, end, exitpriority=100)


def find_parent() -> int:
    """Return the pid of the process that made this one.

    To the kernel the parent of a forkserver's child is the server, which is no plugin.
    """
    server: Any = sys.modules.get("multiprocessing.forkserver")
    if server is None or server.get_inherited_fds() is None:
        return Native.getppid()
    parent: int = sys.modules["multiprocessing.process"].current_process()._parent_pid
    return parent
