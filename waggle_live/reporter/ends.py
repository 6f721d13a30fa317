"""How a process of a plugin ends: the status that its session says goodbye with."""

import sys
from contextlib import suppress
from functools import partial
from typing import Any, Callable, Optional, Set

from ..native import Native

#: Seconds that the end of a block takes longer because of us: some of what the end of the process
#: may take is left to that, which may be next.
DEFAULT_BLOCK_TIMEOUT = 0.35
#: Seconds for which no block's end waits after one that did so in vain.
DEFAULT_VAIN_SECONDS = 5.0

OK, ERROR, STOPPED = STATUSES = "ok", "error", "stopped"

_has_failed = False  # only ``waggle-live run`` sees it


def status_of(error: Optional[BaseException]) -> str:
    """Return the status that an exception stands for which nobody caught; None stands for none."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return OK
    return STOPPED if isinstance(error, KeyboardInterrupt) else ERROR


class Patience:
    """How long the ends of blocks, and of the session, wait for a collector that doesn't answer."""

    def __init__(self) -> None:
        #: Until when, and how long, a block's end waited last without an answer.
        self._in_vain = (float("-inf"), 0.0)

    def wait(self, flush: Callable[[float], bool]) -> None:
        """Flush at the end of a block; not for long, and not at all soon after one in vain."""
        begin = Native.monotonic()
        is_vain = begin - self._in_vain[0] < DEFAULT_VAIN_SECONDS
        if not flush(0.0 if is_vain else DEFAULT_BLOCK_TIMEOUT) and not is_vain:
            self._in_vain = (Native.monotonic(), Native.monotonic() - begin)

    def left(self, timeout: float) -> float:
        """Return what is left of the ``timeout`` of the end: who left a block just now and ends
        waits once, not twice."""
        until, waited = self._in_vain
        is_recent = Native.monotonic() - until < timeout
        return max(0.0, timeout - waited) if is_recent else timeout


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


#: multiprocessing, and the packages that are made from it and stand beside it.
_PACKAGES = ("multiprocessing", "multiprocess", "billiard")
_registered: Set[str] = set()


def finalize_child(end: Callable[[], None]) -> None:
    """Have ``end``, a function of a module, called at the end of a child of multiprocessing.

    That ends by ``os._exit``, without atexit. Does nothing where multiprocessing isn't loaded, and
    the second time. The same of packages like it.
    """
    for package in _PACKAGES:
        util: Any = sys.modules.get(package + ".util")
        if util is not None and package not in _registered:
            # Before its main function runs, a child clears all finalizers and then calls what
            # is registered here; where it runs already, the finalizer is made at once.
            _registered.add(package)
            make = partial(_make_finalizer, package)
            with suppress(AttributeError, KeyError):  # of another package of that name
                util.register_after_fork(end, make)
                make(end)


def _make_finalizer(package: str, end: Callable[[], None]) -> None:
    if _parent_of_child(package) is not None:
        util: Any = sys.modules[package + ".util"]
        util.Finalize(None, end, exitpriority=100)


def _parent_of_child(package: str) -> Optional[int]:
    """Return the pid of the process that made this child of multiprocessing; None if it is none."""
    process: Any = sys.modules[package + ".process"].current_process()
    parent: Optional[int] = process._parent_pid
    return parent


def find_parent() -> int:
    """Return the pid of the process that made this one.

    To the kernel the parent of a forkserver's child is the server, which is no plugin.
    """
    for package in _PACKAGES:
        server: Any = sys.modules.get(package + ".forkserver")
        # Another thread may be importing the module just now; then this is no child of a server.
        inherited = getattr(server, "get_inherited_fds", lambda: None)
        if inherited() is not None:
            return _parent_of_child(package) or Native.getppid()
    return Native.getppid()
