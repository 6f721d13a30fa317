"""How a process of a plugin ends: the status in its session's ``bye``."""

import sys
from contextlib import suppress
from functools import partial
from typing import Any, Callable, Optional, Set

from ..native import Native

#: Seconds that we may delay the end of a block. The rest of what the process's end may take is left
#: to that end, which may come next.
DEFAULT_BLOCK_TIMEOUT = 0.35
#: Seconds for which no block's end waits, after one has waited in vain.
DEFAULT_VAIN_SECONDS = 5.0

OK, ERROR, STOPPED = STATUSES = "ok", "error", "stopped"

_has_failed = False  # set only under ``waggle-live run``


def status_of(error: Optional[BaseException]) -> str:
    """Return the status for an exception that nobody caught; None stands for no exception."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return OK
    return STOPPED if isinstance(error, KeyboardInterrupt) else ERROR


class Patience:
    """How long the ends of blocks and of the session wait for a collector that doesn't answer."""

    def __init__(self) -> None:
        #: Until when, and how long, a block's end last waited without an answer.
        self._in_vain = (float("-inf"), 0.0)

    def wait(self, flush: Callable[[float], bool]) -> None:
        """Flush at the end of a block: for a short time, and not at all soon after a failure."""
        begin = Native.monotonic()
        is_vain = begin - self._in_vain[0] < DEFAULT_VAIN_SECONDS
        if not flush(0.0 if is_vain else DEFAULT_BLOCK_TIMEOUT) and not is_vain:
            now = Native.monotonic()  # while all stood still nobody waited, so not all of it counts
            self._in_vain = (now, min(now - begin, DEFAULT_BLOCK_TIMEOUT))

    def left(self, timeout: float) -> float:
        """Return what is left of the end's ``timeout``, in seconds.

        A process that ends right after it left a block waits once, not twice.
        """
        until, waited = self._in_vain
        is_recent = Native.monotonic() - until < timeout
        return max(0.0, timeout - waited) if is_recent else timeout


class Left:
    """How the outermost block was left, if one was, and when."""

    def __init__(self) -> None:
        self._status = OK
        self._at = 0.0

    def note(self, error: Optional[BaseException], at: float) -> None:
        """Note that the outermost block was left at the monotonic time ``at``."""
        self._status, self._at = status_of(error), at

    def status(self, recorded: float) -> str:
        """Return the status of a session that ends now; its last value came at ``recorded``.

        If values came after a block that raised, somebody has caught its exception.
        """
        return OK if recorded > self._at else self._status


def note_failed_exit() -> None:
    """Note that ``sys.exit`` ended this interpreter with a status other than 0."""
    global _has_failed
    _has_failed = True


def status_of_interpreter() -> str:
    """Return the status for the end of this interpreter. To be called in atexit.

    An exception that ends it is in ``sys.last_value``. In an interactive session that means
    nothing.
    """
    if _has_failed:
        return ERROR
    return OK if hasattr(sys, "ps1") else status_of(getattr(sys, "last_value", None))


#: multiprocessing, and packages that are copies of it.
_PACKAGES = ("multiprocessing", "multiprocess", "billiard")
_registered: Set[str] = set()


def finalize_child(end: Callable[[], None]) -> None:
    """Have ``end``, a function of a module, called at the end of a child of multiprocessing.

    Such a child ends by ``os._exit``, without atexit. Does nothing if multiprocessing isn't loaded,
    or at the second call. Copies of multiprocessing are treated alike.
    """
    for package in _PACKAGES:
        util: Any = sys.modules.get(package + ".util")
        if util is not None and package not in _registered:
            # Before a child's main function runs, it clears all finalizers and then calls what is
            # registered here. If that function runs already, the finalizer is made at once.
            _registered.add(package)
            make = partial(_make_finalizer, package)
            with suppress(AttributeError, KeyError):  # another package of that name
                util.register_after_fork(end, make)
                make(end)


def _make_finalizer(package: str, end: Callable[[], None]) -> None:
    if _parent_of_child(package) is not None:
        util: Any = sys.modules[package + ".util"]
        util.Finalize(None, end, exitpriority=100)


def _parent_of_child(package: str) -> Optional[int]:
    """Return the pid of the parent of this child of multiprocessing; None if it is no child."""
    process: Any = sys.modules[package + ".process"].current_process()
    parent: Optional[int] = process._parent_pid
    return parent


def find_parent() -> int:
    """Return the pid of the process that made this one.

    For a forkserver's child the kernel's parent is the server, which is no plugin.
    """
    for package in _PACKAGES:
        server: Any = sys.modules.get(package + ".forkserver")
        # Another thread may be importing the module now; then this is no child of a server.
        inherited = getattr(server, "get_inherited_fds", lambda: None)
        if inherited() is not None:
            return _parent_of_child(package) or Native.getppid()
    return Native.getppid()
