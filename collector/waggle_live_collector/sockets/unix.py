"""The socket file: makes it, replaces that of a dead collector, and removes it if still ours."""

import contextlib
import errno
import fcntl
import os
import socket
import stat
import time
from collections.abc import Iterator, Mapping

from waggle_live.wire.places import DEFAULT_SOCKET_PATHS, user_socket_paths

#: Connections that the kernel may queue. It lowers this to its own maximum.
BACKLOG = 4096
#: Seconds of waiting for a connect, after which the socket's collector counts as alive but busy.
PROBE_SECONDS = 0.5
LOCK_SECONDS = 1.0


class SocketError(Exception):
    """The socket can't be used. The message says why and what to change."""


class SocketTaken(SocketError):
    """Another collector listens on the socket."""


def default_path(environ: Mapping[str, str]) -> str:
    """Return the first path where plugins look that this process may write.

    If there is none, return the first path. :meth:`UnixSocket.bind` then says what is wrong.
    """
    for path in DEFAULT_SOCKET_PATHS:
        directory = os.path.dirname(path)
        while not os.path.lexists(directory):
            directory = os.path.dirname(directory)
        if _is_writable(directory):
            return path
    for path in user_socket_paths(environ, os.geteuid()):
        directory = os.path.dirname(os.path.dirname(path))
        # Plugins don't look in the directory of another user.
        if _is_writable(directory) and os.stat(directory).st_uid == os.geteuid():
            return path
    return DEFAULT_SOCKET_PATHS[0]


def _is_writable(directory: str) -> bool:
    return os.path.isdir(directory) and os.access(directory, os.W_OK | os.X_OK)


class UnixSocket:
    """A listening unix socket and its file. Constructing it starts nothing.

    An ``inherited`` socket is bound already, and its file is left alone.
    """

    def __init__(
        self, path: str, *, mode: int, gid: int | None, inherited: socket.socket | None = None
    ) -> None:
        self.path: str = path if inherited is None else inherited.getsockname()
        self._mode = mode
        self._gid = gid
        self._inherited = inherited
        #: The file, kept open so that no later file gets its inode number.
        self._file: int | None = None

    def bind(self) -> socket.socket:
        """Return the listening socket. Raises SocketError.

        Replaces the file of a dead collector, never that of a living one.
        """
        if self._inherited is not None:
            return self._inherited
        directory = os.path.dirname(os.path.abspath(self.path))
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            _make_directory(directory)
            with _locked(directory):
                self._clear()
                sock.bind(self.path)
                self._hold()
                # Before listen() nobody can connect, so this isn't too late.
                os.chmod(self.path, self._mode)
                self._give_to_group()
                sock.listen(BACKLOG)
        except (OSError, SocketError) as error:
            sock.close()
            self.unlink()
            if isinstance(error, SocketError):
                raise
            raise SocketError(self._reason(error, directory)) from error
        return sock

    def is_lost(self) -> bool:
        """Tell whether the file was removed or replaced. ``touch`` or ``chmod`` don't matter."""
        if self._inherited is not None:
            return False
        try:
            return self._file is None or not os.path.samestat(
                os.lstat(self.path), os.fstat(self._file)
            )
        except OSError:
            return True

    def unlink(self) -> None:
        """Remove the file, unless another collector has put its own there."""
        with contextlib.suppress(OSError):
            if self._file is not None and not self.is_lost():
                os.unlink(self.path)

    def _hold(self) -> None:
        """Keep the new file open, and close the one before."""
        before, self._file = self._file, os.open(self.path, os.O_PATH | os.O_NOFOLLOW)
        if before is not None:
            os.close(before)

    def _give_to_group(self) -> None:
        if self._gid is not None:
            try:
                os.chown(self.path, -1, self._gid)
            except PermissionError as error:
                groups = sorted({os.getegid(), *os.getgroups()})
                raise SocketError(
                    f"can't give {self.path} to group {self._gid}: {error.strerror}; "
                    f"--socket.gid must be a group of this process: {groups}"
                ) from error

    def _clear(self) -> None:
        """Remove a file that a dead collector left at the path."""
        try:
            status = os.lstat(self.path)
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(status.st_mode):
            raise SocketError(
                f"{self.path} exists and is no socket; remove it, or choose another --socket.path"
            )
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(PROBE_SECONDS)
            try:
                probe.connect(self.path)
            except ConnectionRefusedError:
                os.unlink(self.path)
                return
            except (BlockingIOError, TimeoutError):
                pass  # its queue is full, so it is alive
            except PermissionError as error:
                raise SocketError(
                    f"{self.path} is a socket of uid {status.st_uid}, mode "
                    f"{status.st_mode & 0o7777:04o}, and uid {os.geteuid()} may not ask who "
                    "listens on it; remove it if no collector does"
                ) from error
        raise SocketTaken(
            f"another collector is listening on {self.path}; stop it first, "
            "or give this one another --socket.path"
        )

    def _reason(self, error: OSError, directory: str) -> str:
        why = f"can't listen on {self.path}: {error.strerror or error}"
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            why += f"; {directory} must be writable for uid {os.geteuid()} gid {os.getegid()}"
        return why


def _make_directory(path: str) -> None:
    """Make a directory and its parents. Anybody may enter them, whatever the umask is.

    Only we may write: others could replace our socket by one of their own.
    """
    if not os.path.isdir(path):
        _make_directory(os.path.dirname(path))
        with contextlib.suppress(FileExistsError):
            os.mkdir(path)
            os.chmod(path, 0o755)


@contextlib.contextmanager
def _locked(directory: str) -> Iterator[None]:
    """Hold an advisory lock on the directory, so that one of two starting collectors waits.

    After ``LOCK_SECONDS`` go on without it: the probe still protects a living collector.
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
