"""What a fork must do: let no half-made socket slip into the child, and start the child anew."""

import os
import signal
import weakref
from contextlib import contextmanager, suppress
from typing import Any, Iterator, List, Set, Tuple

from ..claim import Claim, Owner
from ..native import Native

#: Seconds that a fork is held up at most, and that opening something waits for one.
FORK_WAITS, OPENING_WAITS = 0.1, 5.0

_claim = Claim()
_resettable: "weakref.WeakSet[Any]" = weakref.WeakSet()
#: What is undone after each fork, innermost last; by thread, since several may fork.
_forks = Native.local()


def register(resettable: Any) -> None:
    """Call ``resettable.after_fork_in_child()`` in each child that this process forks."""
    _resettable.add(resettable)


@contextmanager
def held_off() -> "Iterator[None]":
    """Let no fork happen within the block, between the opening of something and its keeping."""
    owner = Owner()
    try:
        _claim.wait(owner, OPENING_WAITS)
        yield
    finally:
        owner.is_done = True


def _begun() -> "List[Tuple[Owner, Set[Any]]]":
    """Return the owner and the mask of signals of each fork of this thread that isn't over."""
    begun: List[Tuple[Owner, Set[Any]]] = _forks.__dict__.setdefault("begun", [])
    return begun


# A signal handler of the author's may raise anywhere in here, also before the first line of a hook.


def _before() -> None:
    owner = Owner()
    _begun().append((owner, Native.pthread_sigmask(signal.SIG_BLOCK, [])))
    # A child is stopped only once it has been started anew: until then Python forgets the signal.
    Native.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    _claim.wait(owner, FORK_WAITS)


def _after_in_parent() -> None:
    """May be called again, and where nothing was begun."""
    begun = _begun()
    while begun:
        owner, mask = begun[-1]
        owner.is_done = True
        Native.pthread_sigmask(signal.SIG_SETMASK, mask)
        begun.pop()


def _after_in_child() -> None:
    global _claim, _forks
    Native.forget_other_threads()
    begun = _begun()  # nothing where C code forks, which calls this hook alone
    mask = begun[0][1] if begun else None
    if Native.is_own_thread():  # which blocks all: nobody could stop what a gauge's function forks
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
    # Once more: what a handler raises ends the first, and Python only prints it.
    os.register_at_fork(after_in_parent=_after_in_parent)
else:  # Python 3.6 has no hooks, and multiprocessing's own run only in its own children
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
