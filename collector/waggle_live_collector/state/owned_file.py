"""A file that one collector owns: it locks the file, reads it once, then replaces it whole.

The lock (``flock``) is on the file itself, so it holds under each path of the file. A new file is
locked before it replaces the old one. The kernel releases the lock when the owner ends.

A symlink stays; its target is replaced. Temporary files have random names and are made with
``O_EXCL``, so nobody can plant a link there. There is no ``fsync``: the state must outlive the
collector, but not the node.
"""

import contextlib
import errno
import fcntl
import logging
import os
import re
import secrets
import stat
import time
from functools import cached_property

log = logging.getLogger(__name__)

#: Seconds to wait for another owner. A collector that ends may write for up to 5 s.
LOCK_SECONDS = 6.0
#: Seconds between two tries.
POLL_SECONDS = 0.05
#: The largest file that is read. No state is larger.
MAX_BYTES = 1 << 30

_LOCKS = "/proc/locks"
_UNREAD = (
    "another file is there now, which was not read and stays as it is; start the collector again "
    "to go on from it, or remove it"
)


class StateFileError(Exception):
    """The file can't be used. The message says why, and what to do."""


class OwnedFile:
    """The file at ``path``. Each method may wait for the disk. Not thread-safe."""

    def __init__(self, path: str) -> None:
        self.path = path
        #: The file that we own, kept open so that its lock stays.
        self._held: int | None = None
        #: The first file, if it has other names (hard links). These lead to it after a replacement.
        self._other_names: int | None = None
        self._can_lock = True

    def __del__(self) -> None:
        self.release()

    @cached_property
    def _target(self) -> str:
        return os.path.realpath(self.path)

    def read(self) -> bytes:
        """Own the file from now on and return its content, which is empty if the file is new.

        A new file that can't be made is logged, and each :meth:`replace` tries again. Raises
        StateFileError for an existing file that can't be owned or read. It must not be overwritten.
        """
        try:
            self._wait_for_lock()
            assert self._held is not None
            with open(self._held, "rb", closefd=False) as file:
                size = os.fstat(self._held).st_size
                if size > MAX_BYTES:
                    raise StateFileError(f"it has {size} bytes, but a state at most {MAX_BYTES}")
                return file.read()
        except (StateFileError, OSError, ValueError, MemoryError) as error:
            self.release()
            if isinstance(error, OSError) and self._is_missing():
                log.error("can't make state file %s: %s", self.path, self.why(error))
                return b""
            why = error.strerror if isinstance(error, OSError) else str(error) or "out of memory"
            raise StateFileError(f"state file {self.path}: {why}{_rights(error)}") from error

    def remove_leftovers(self) -> None:
        """Remove the temporary files of collectors that were killed while writing."""
        folder, name = os.path.split(self._target)
        leftover = re.compile(re.escape(name) + r"(\.[0-9a-f]{16})?\.tmp")
        with contextlib.suppress(OSError):
            for each in filter(leftover.fullmatch, os.listdir(folder)):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(folder, each))

    def replace(self, text: bytes) -> None:
        """Replace the file by a text. Raises OSError, or StateFileError if the file isn't ours."""
        if self._held is None or not _is_at(self._held, self._target):
            self._lock_or_make(is_new=True)
        temporary = f"{self._target}.{secrets.token_hex(8)}.tmp"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        descriptor = os.open(temporary, flags, 0o600)
        try:
            os.fchmod(descriptor, 0o600)  # whatever the umask is
            with open(descriptor, "wb", closefd=False) as file:
                file.write(text)
            self._lock(descriptor)
            os.replace(temporary, self._target)
        except BaseException:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        before, self._held = self._held, descriptor
        if before is not None:
            if self._other_names is None and os.fstat(before).st_nlink:
                self._other_names = before
            else:
                os.close(before)

    def why(self, error: OSError) -> str:
        """Return why it can't be written, and what would be right."""
        folder = os.path.dirname(self._target)
        if isinstance(error, FileNotFoundError):
            return f"{error.strerror}; the directory {folder} is missing"
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            who = f"uid {os.geteuid()} gid {os.getegid()}"
            return f"{error.strerror}; {folder} must be writable for {who}"
        return error.strerror or str(error)

    def release(self) -> None:
        """Give up the file and its lock."""
        for descriptor in (self._held, self._other_names):
            if descriptor is not None:
                os.close(descriptor)
        self._held = self._other_names = None

    def _wait_for_lock(self) -> None:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                return self._lock_or_make()
            except _InUse:
                if time.monotonic() >= deadline:
                    raise
            time.sleep(POLL_SECONDS)

    def _lock_or_make(self, *, is_new: bool = False) -> None:
        """Lock the file at the path, and make an empty one if there is none.

        Raises StateFileError if ``is_new``, but the file has content that we have not read.
        """
        while True:
            try:
                descriptor = _open(self._target)
            except FileExistsError:
                continue  # another process made it just now
            try:
                self._lock(descriptor)
                # Its owner may have replaced it before we locked it.
                if _is_at(descriptor, self._target):
                    if is_new and os.fstat(descriptor).st_size:
                        raise StateFileError(_UNREAD)
                    self.release()
                    self._held, descriptor = descriptor, -1
                    return
            finally:
                if descriptor >= 0:
                    os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _InUse(
                f"it is in use by another collector{_holder(descriptor)}; stop that one, or give "
                "this one another --state.file"
            ) from None
        except OSError as error:
            if self._can_lock:
                self._can_lock = False
                text = "can't be locked; make sure that no other collector uses it"
                log.warning("state file %s: %s (%s)", self.path, text, error.strerror)

    def _is_missing(self) -> bool:
        try:
            os.lstat(self._target)
        except FileNotFoundError:
            return True
        except OSError:
            pass  # unknown, so it may exist
        return False


class _InUse(StateFileError):
    """Another process owns the file."""


def _open(path: str) -> int:
    """Open a regular file, for reading alone if we may not write it. Make it if there is none."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    if not stat.S_ISREG(mode):
        # To open a fifo would wait for its writer, and to open a device may start something.
        raise StateFileError("it is no regular file; give --state.file the path of one")
    try:
        return os.open(path, os.O_RDWR | os.O_NOFOLLOW)  # NFS locks only what can be written
    except PermissionError:
        pass
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)


def _is_at(descriptor: int, path: str) -> bool:
    """Tell whether an open file is the one at ``path`` now."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def _holder(descriptor: int) -> str:
    """Return which process has locked a file, as text; "" if the kernel doesn't tell."""
    inode = os.fstat(descriptor).st_ino
    try:
        with open(_LOCKS) as file:
            # 1: FLOCK  ADVISORY  WRITE 26352 fe:00:2196071 0 EOF
            locks = [line.split() for line in file]
    except OSError:
        return ""
    for lock in locks:
        if lock[1] == "FLOCK" and lock[5].endswith(f":{inode}") and int(lock[4]) > 0:
            return f" (process {lock[4]})"
    return ""


def _rights(error: Exception) -> str:
    if not isinstance(error, PermissionError):
        return ""
    return f"; uid {os.geteuid()} gid {os.getegid()} must be able to read it"
