"""The socket file: made, taken over from a dead collector, and removed if still ours."""

import contextlib
import errno
import fcntl
import os
import socket
import stat
import time
from collections.abc import Iterator

#: Connections that the kernel queues while we are busy; it cuts this to its own maximum.
BACKLOG = 4096
#: A live collector that is busy or stopped does not answer within this many seconds.
PROBE_SECONDS = 0.5
LOCK_SECONDS = 1.0


class SocketError(Exception):
    """The socket can't be had; the message says why and what to change."""


class SocketTaken(SocketError):
    """Another collector has it."""


class UnixSocket:
    """A listening unix socket and the file it stands for. Constructing it starts nothing.

    An ``inherited`` one is bound already: its file is left to whoever made it.
    """

    def __init__(
        self, path: str, *, mode: int, gid: int | None, inherited: socket.socket | None = None
    ) -> None:
        self.path: str = path if inherited is None else inherited.getsockname()
        self._mode = mode
        self._gid = gid
        self._inherited = inherited
        self._file: tuple[int, int, int] | None = None

    def bind(self) -> socket.socket:
        """Return the listening socket; raises SocketError.

        A file left by a dead collector is replaced, one of a living collector never.
        """
        if self._inherited is not None:
            return self._inherited
        directory = os.path.dirname(os.path.abspath(self.path))
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            # Whoever may write here could put a socket of their own in the place of ours.
            os.makedirs(directory, mode=0o755, exist_ok=True)
            with _locked(directory):
                self._clear()
                sock.bind(self.path)
                # Nobody can connect before listen(), so rights are set in time.
                os.chmod(self.path, self._mode)
                if self._gid is not None:
                    os.chown(self.path, -1, self._gid)
                sock.listen(BACKLOG)
                self._file = self._which()
        except OSError as error:
            sock.close()
            raise SocketError(self._reason(error, directory)) from error
        except SocketError:
            sock.close()
            raise
        return sock

    def is_lost(self) -> bool:
        """Has the file been removed, or has another taken its place?"""
        try:
            return self._inherited is None and self._which() != self._file
        except OSError:
            return True

    def unlink(self) -> None:
        """Remove the file, unless another collector has put its own there."""
        with contextlib.suppress(OSError):
            if self._which() == self._file:
                os.unlink(self.path)

    def _which(self) -> tuple[int, int, int]:
        """Return what tells this file from a later one, which may get the same inode number."""
        status = os.stat(self.path)
        return status.st_dev, status.st_ino, status.st_mtime_ns

    def _clear(self) -> None:
        """Remove a file that a dead collector left at the path."""
        try:
            status = os.lstat(self.path)
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(status.st_mode):
            raise SocketError(f"{self.path} exists and is no socket; remove it or choose another")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(PROBE_SECONDS)
            try:
                probe.connect(self.path)
            except ConnectionRefusedError:
                os.unlink(self.path)
                return
            except (BlockingIOError, TimeoutError):
                pass  # its queue is full: it lives
        raise SocketTaken(
            f"another collector is listening on {self.path}; stop it first, "
            "or give this one another --socket.path"
        )

    def _reason(self, error: OSError, directory: str) -> str:
        why = f"can't listen on {self.path}: {error.strerror or error}"
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            why += (
                f"; {directory} must be writable for uid {os.geteuid()} gid {os.getegid()},"
                " and --socket.gid must be a group of this process"
            )
        return why


@contextlib.contextmanager
def _locked(directory: str) -> Iterator[None]:
    """Hold an advisory lock on the directory, so that of two starting collectors one waits.

    Somebody else may hold it forever: then go on without, the probe still protects.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        while time.monotonic() < deadline:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)
