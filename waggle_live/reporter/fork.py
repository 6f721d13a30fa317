"""Fork safety: no half-made socket gets into a child, and the child starts anew."""

import os
import signal
import weakref
from contextlib import contextmanager, suppress
from typing import Any, Iterator, List, Set, Tuple

from ..claim import Claim, Owner
from ..native import Native

#: The longest time in seconds that a fork is held up, and that an opening waits for a fork.
FORK_WAITS, OPENING_WAITS = 0.1, 5.0

_claim = Claim()
_resettable: "weakref.WeakSet[Any]" = weakref.WeakSet()
#: By thread, since several may fork: what to undo after each fork, innermost last.
_forks = Native.local()


def register(resettable: Any) -> None:
    """Call ``resettable.after_fork_in_child()`` in each child that this process forks."""
    _resettable.add(resettable)


@contextmanager
def held_off() -> "Iterator[None]":
    """Let no fork happen in this block, between opening something and keeping it."""
    owner = Owner()
    try:
        _claim.wait(owner, OPENING_WAITS)
        yield
    finally:
        owner.is_done = True


def _begun() -> "List[Tuple[Owner, Set[Any]]]":
    """Return the owner and the signal mask of each fork of this thread that isn't over."""
    begun: List[Tuple[Owner, Set[Any]]] = _forks.__dict__.setdefault("begun", [])
    return begun


# The author's signal handler may raise anywhere here, even before the first line of a hook.


def _before() -> None:
    owner = Owner()
    _begun().append((owner, Native.pthread_sigmask(signal.SIG_BLOCK, [])))
    # SIGTERM is blocked until the child has been set up anew: until then Python would forget it.
    Native.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    _claim.wait(owner, FORK_WAITS)


def _after_in_parent() -> None:
    """Undo what the fork's beginning did. May be called again, and without a beginning."""
    begun = _begun()
    while begun:
        owner, mask = begun[-1]
        owner.is_done = True
        Native.pthread_sigmask(signal.SIG_SETMASK, mask)
        begun.pop()


def _after_in_child() -> None:
    global _claim, _forks
    Native.forget_other_threads()
    begun = _begun()  # empty if C code forks, which calls this hook alone
    mask = begun[0][1] if begun else None
    if Native.is_own_thread():  # it blocks all signals: a child must not
        with suppress(OSError, ValueError, IndexError):
            mask = Native.mask_of(Native.getppid())
    _claim, _forks = Claim(), Native.local()
    for resettable in list(_resettable):
        resettable.after_fork_in_child()
    if mask is not None:
        Native.pthread_sigmask(signal.SIG_SETMASK, mask)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
    )
    # Registered twice: a handler's error ends the first, and Python only prints it.
    os.register_at_fork(after_in_parent=_after_in_parent)
else:  # Python 3.6 has no hooks; multiprocessing's run in its own children only
    _fork = os.fork

    def _hooked_fork() -> int:
        pid = -1
        try:
            _before()
            pid = _fork()
            if pid:
                _after_in_parent()
        finally:
            if pid:
                _after_in_parent()
        if pid == 0:
            _after_in_child()
        return pid

    os.fork = _hooked_fork
