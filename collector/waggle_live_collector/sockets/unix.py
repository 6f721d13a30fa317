"""The socket file: made, taken over from a dead collector, and removed if it is still ours."""

import contextlib
import errno
import fcntl
import os
import socket
import stat
import time
from collections.abc import Iterator, Mapping

from waggle_live.wire.places import DEFAULT_SOCKET_PATHS, user_socket_paths

#: Connections that the kernel queues while we are busy; it cuts this to its own maximum.
BACKLOG = 4096
#: A live collector that is busy or stopped does not answer within this many seconds.
PROBE_SECONDS = 0.5
LOCK_SECONDS = 1.0


class SocketError(Exception):
    """The socket can't be used. The message says why and what to change."""


class SocketTaken(SocketError):
    """Another collector listens on the socket."""


def default_path(environ: Mapping[str, str]) -> str:
    """Return the first path, of those where plugins look, that this process may write.

    Where none may be written it is the first of all, and :meth:`UnixSocket.bind` says why not.
    """
    for path in DEFAULT_SOCKET_PATHS:
        directory = os.path.dirname(path)
        while not os.path.lexists(directory):
            directory = os.path.dirname(directory)
        if _is_writable(directory):
            return path
    for path in user_socket_paths(environ, os.geteuid()):
        directory = os.path.dirname(os.path.dirname(path))
        # Plugins look in no other user's directory.
        if _is_writable(directory) and os.stat(directory).st_uid == os.geteuid():
            return path
    return DEFAULT_SOCKET_PATHS[0]


def _is_writable(directory: str) -> bool:
    return os.path.isdir(directory) and os.access(directory, os.W_OK | os.X_OK)


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
        #: The file, held open: no later one gets its inode number.
        self._file: int | None = None

    def bind(self) -> socket.socket:
        """Return the listening socket. Raises SocketError.

        A file left by a dead collector is replaced; one of a living collector never is.
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
                # Nobody can connect before listen(), so rights are set in time.
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
        """Has the file been removed, or has another taken its place?

        What else is done to it, as a ``touch`` or a ``chmod``, makes no difference.
        """
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
        """Keep the file that was just made, and let go of the one before."""
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
    """Make a directory, and those above it, that anybody may enter, whatever the umask is.

    Nobody else may write: they could put a socket of their own in the place of ours.
    """
    if not os.path.isdir(path):
        _make_directory(os.path.dirname(path))
        with contextlib.suppress(FileExistsError):
            os.mkdir(path)
            os.chmod(path, 0o755)


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
