"""SIGTERM as a clean exit: the last samples of a plugin that is stopped are sent."""

import _thread
import os
import signal
import sys
from typing import Any

from ..reporter import ends, reporter

EXIT_STATUS = 128 + signal.SIGTERM


def install() -> None:
    """Install the handler, where SIGTERM still has its default action."""
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _Terminator(os.getpid()))


class _Terminator:
    """Lets ``with`` blocks and atexit run at SIGTERM: the last samples are sent there."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def __call__(self, signum: int, frame: Any) -> None:
        if os.getpid() == self._pid and not _is_multiprocessing_child():
            raise SystemExit(EXIT_STATUS)
        # A child dies of the signal as its parent expects (Process.terminate), but not before
        # its last samples are sent. By another thread: this one may have been interrupted in the
        # middle of a fold, whose end the sender would wait for.
        signal.signal(signum, signal.SIG_DFL)
        _thread.start_new_thread(_end, (signum,))


def _is_multiprocessing_child() -> bool:
    process: Any = sys.modules.get("multiprocessing.process")
    return process is not None and process.current_process()._parent_pid is not None


def _end(signum: int) -> None:
    """Send what is left and die of the signal."""
    reporter.end_all(ends.STOPPED)
    os.kill(os.getpid(), signum)
