"""SIGTERM under ``waggle-live run``: the plugin ends as without us, after its last samples.

The default action kills at once. A Python handler runs only once the main thread leaves its C code.
So Python's handler in C wakes a thread of ours. This thread sends what is left, restores the
default action and raises the signal again. No ``finally`` and no atexit function runs that would
not run without us. A handler of the plugin's own is left alone.
"""

import _socket
import atexit
import os
import signal
import sys
from contextlib import suppress
from functools import partial, wraps
from typing import Any

from ..native import Native
from ..reporter import ends, fork, reporter


def patch(_: Any) -> None:
    """Install the handler, if SIGTERM has its default action.

    Called once the reporter is loaded: before, there is nothing to send. If another thread than the
    main one loads it, the signal keeps its default action.
    """
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        terminator = _Terminator()
        with suppress(ValueError):  # not in the main thread
            signal.signal(signal.SIGTERM, terminator)
            terminator.watch()
            fork.register(terminator)
            atexit.register(terminator.wait)


class _Terminator:
    """Ends the process at SIGTERM, in its thread or in the handler, whichever runs first."""

    def __init__(self) -> None:
        #: Locked once SIGTERM has come.
        self._has_begun = Native.allocate_lock()
        self._set_wakeup_fd: Any = signal.set_wakeup_fd
        self._reader: Any = None
        #: The socket into which Python's handler in C writes the number of each signal.
        self._wakeup = -1

    def __call__(self, signum: int, frame: Any) -> None:
        """Handle the signal in the main thread.

        The thread does it sooner, unless somebody else has the wakeup descriptor. Nothing waits
        here: the main thread may be in the middle of a fold, for whose end the sender waits.
        """
        if not self._has_begun.acquire(False):  # here, for main may end before that thread runs
            return
        try:
            Native.start_thread(_end)
        except RuntimeError:  # the limit of threads
            _die()

    def watch(self) -> None:
        """Start the thread that signals wake, unless somebody else has the wakeup descriptor."""
        if not hasattr(_socket, "SO_PASSCRED"):  # only on Linux; elsewhere the handler does it
            return
        reader, writer = _socket.socketpair()
        reader.setsockopt(_socket.SOL_SOCKET, _socket.SO_PASSCRED, 1)
        writer.setblocking(False)
        self._reader, self._wakeup, inherited = reader, writer.detach(), self._wakeup
        signal.set_wakeup_fd = self._shared()
        others = self._set_wakeup_fd(self._wakeup)
        if others not in (-1, inherited):
            self._set_wakeup_fd(others)
        with suppress(RuntimeError):  # the limit of threads; the handler remains
            Native.start_thread(partial(self._read, reader))

    def wait(self) -> None:
        """Once SIGTERM has come, wait for it to end the process."""
        while self._has_begun.locked():
            Native.sleep(1)

    def after_fork_in_child(self) -> None:
        """Start anew in a forked child, which has its parent's descriptors and no thread."""
        self._has_begun = Native.allocate_lock()
        if self._reader is not None:
            reader, wakeup = self._reader, self._wakeup
            self.watch()
            reader.close()
            os.close(wakeup)

    def _shared(self) -> Any:
        """Return a ``signal.set_wakeup_fd`` for all others: a process has one such descriptor.

        asyncio and trio take it, trio warns if it is taken, and both restore it as -1.
        """
        original = self._set_wakeup_fd

        @wraps(original)
        def set_wakeup_fd(fd: int, **options: Any) -> Any:
            old = original(self._wakeup if fd == -1 else fd, **options)
            return -1 if old == self._wakeup else old

        return set_wakeup_fd

    def _read(self, reader: Any) -> None:
        with suppress(OSError):  # the plugin closes all descriptors, as daemons do
            while True:
                numbers, credentials, _, _ = reader.recvmsg(64, _socket.CMSG_SPACE(12))
                if not numbers:
                    return
                # A child forked without Python's hooks writes here too; the kernel says who wrote.
                pid = int.from_bytes(credentials[0][2][:4], sys.byteorder) if credentials else 0
                is_ours = signal.getsignal(signal.SIGTERM) is self
                is_for_us = signal.SIGTERM in numbers and pid == os.getpid() and is_ours
                if is_for_us and self._has_begun.acquire(False):
                    _end()


def _end() -> None:
    """Send what is left, for half a second at most, and die by the signal. In a thread of ours."""
    is_sent = Native.allocate_lock()
    is_sent.acquire()
    try:
        Native.start_thread(partial(_send, is_sent))
        is_sent.acquire(True, reporter.DEFAULT_EXIT_TIMEOUT)
    except RuntimeError:  # the limit of threads, or main has ended: CPython 3.12.0 starts none then
        _send(is_sent)
    finally:
        _die()


def _send(is_sent: Any) -> None:
    try:
        reporter.end_all(ends.STOPPED, reporter.DEFAULT_EXIT_TIMEOUT)
    finally:
        is_sent.release()


def _die() -> None:
    """Die by SIGTERM's default action; as PID 1, on which it has no effect, with status 143."""
    with suppress(Exception):  # a Python without ctypes
        from ctypes import pythonapi

        pythonapi.PyOS_setsig(signal.SIGTERM, None)  # signal.signal is for the main thread alone
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        os.kill(os.getpid(), signal.SIGTERM)
    os._exit(128 + signal.SIGTERM)
