"""What a fork must do: let no half-made socket slip into the child, and start the child anew."""

import os
import signal
import weakref
from contextlib import contextmanager
from typing import Any, Iterator

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


def _before() -> None:
    owner = Owner()
    # A child is stopped only once it has been started anew: until then Python forgets the signal.
    mask = Native.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    _forks.__dict__.setdefault("begun", []).append((owner, mask))
    _claim.wait(owner, FORK_WAITS)


def _after_in_parent() -> None:
    owner, mask = _forks.begun.pop()
    owner.is_done = True
    Native.pthread_sigmask(signal.SIG_SETMASK, mask)


def _after_in_child() -> None:
    global _claim, _forks
    _, mask = _forks.begun[-1]
    _claim, _forks = Claim(), Native.local()
    for resettable in list(_resettable):
        resettable.after_fork_in_child()
    Native.pthread_sigmask(signal.SIG_SETMASK, mask)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
    )
else:  # Python 3.6 has no hooks, and multiprocessing's own run only in its own children
    _fork = os.fork

    def _hooked_fork() -> int:
        _before()
        try:
            pid = _fork()
        except BaseException:
            _after_in_parent()
            raise
        if pid == 0:
            _after_in_child()
        else:
            _after_in_parent()
        return pid

    os.fork = _hooked_fork
