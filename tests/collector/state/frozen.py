"""A file that can't be opened, as on a frozen disk: who tries waits in the kernel."""

import contextlib
import fcntl
import os
import signal


@contextlib.contextmanager
def frozen(path):
    """Hold a lease on a file, which nobody else can open for writing meanwhile.

    The kernel ends a lease after ``/proc/sys/fs/lease-break-time``, 45 seconds by default.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        # The kernel tells by this signal, which is ignored, that somebody waits.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        yield
    finally:
        os.close(descriptor)
