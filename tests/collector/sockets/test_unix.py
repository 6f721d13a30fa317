"""The socket file."""

import fcntl
import os
import shutil
import socket
import stat
import tempfile

import pytest

from waggle_live_collector.sockets import unix as module
from waggle_live_collector.sockets.unix import SocketError, UnixSocket, default_path


@pytest.fixture()
def path():
    directory = tempfile.mkdtemp(prefix="wl-")
    yield os.path.join(directory, "deep", "s.sock")
    shutil.rmtree(directory)


def bound(path, mode=0o600, gid=None):
    unix = UnixSocket(path, mode=mode, gid=gid)
    return unix, unix.bind()


def test_it_is_made_with_its_directory_and_rights(path):
    """Mode and group are set before anybody can connect."""
    _, sock = bound(path, mode=0o640, gid=os.getgid())
    with sock:
        status = os.stat(path)
        assert stat.S_ISSOCK(status.st_mode)
        assert (stat.S_IMODE(status.st_mode), status.st_gid) == (0o640, os.getgid())
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)


def test_a_socket_of_a_dead_collector_is_taken_over(path):
    """Its file is still there, and nobody listens."""
    _, sock = bound(path)
    sock.close()
    inode = os.stat(path).st_ino
    _, sock = bound(path)
    with sock:
        assert os.stat(path).st_ino != inode or os.path.exists(path)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)


def test_a_living_collector_keeps_its_socket(path):
    """The second one is told what to do; the first still listens."""
    _, sock = bound(path)
    with sock:
        with pytest.raises(
            SocketError, match=r"another collector is listening on .*--socket\.path"
        ):
            bound(path)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)


def test_a_living_collector_whose_queue_is_full_keeps_its_socket(path, monkeypatch):
    """It is stopped or busy, not dead."""
    monkeypatch.setattr(module, "BACKLOG", 0)
    monkeypatch.setattr(module, "PROBE_SECONDS", 0.05)
    _, sock = bound(path)
    with sock, socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        with pytest.raises(SocketError, match="another collector"):
            bound(path)


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
def test_what_is_no_socket_is_never_removed(path, kind):
    """Somebody else's file stays."""
    os.makedirs(os.path.dirname(path))
    if kind == "file":
        with open(path, "w"):
            pass
    elif kind == "directory":
        os.mkdir(path)
    else:
        os.symlink("/nowhere", path)
    with pytest.raises(SocketError, match="is no socket"):
        bound(path)
    assert os.path.lexists(path)


def test_unlink_removes_only_our_own(path):
    """A successor may have taken the path already."""
    first, sock = bound(path)
    sock.close()
    second, sock = bound(path)
    first.unlink()
    assert os.path.exists(path)
    second.unlink()
    assert not os.path.exists(path)
    second.unlink()
    sock.close()


def test_a_path_that_cannot_be_says_why(path):
    """Below a file, and longer than the kernel allows."""
    with pytest.raises(SocketError, match="can't listen on /dev/null/x"):
        bound("/dev/null/x")
    with pytest.raises(SocketError, match="AF_UNIX path too long"):
        bound(path + "x" * 120)


def test_missing_rights_are_explained_by_what_was_given(path, monkeypatch):
    """The message names the uid and the directory, and the flag of the group only with a group."""

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "chmod", refuse)
    os.makedirs(os.path.dirname(path))
    with pytest.raises(SocketError, match=f"uid {os.geteuid()}") as error:
        bound(path)
    assert "--socket.gid" not in str(error.value)
    monkeypatch.undo()
    monkeypatch.setattr(os, "chown", refuse)
    with pytest.raises(SocketError, match=r"to group 7: .*--socket\.gid must be a group of"):
        bound(path, gid=7)
    assert not os.path.exists(path)


@pytest.mark.parametrize("umask", [0o077, 0o777, 0])
def test_the_umask_changes_nothing(path, umask):
    """Anybody may enter each directory that it made, and the socket has its mode."""
    before = os.umask(umask)
    try:
        _, sock = bound(os.path.join(os.path.dirname(path), "deeper", "s"), mode=0o666)
    finally:
        os.umask(before)
    deep = os.path.dirname(path)
    deeper = os.path.join(deep, "deeper")
    with sock:
        modes = [stat.S_IMODE(os.stat(each).st_mode) for each in (deep, deeper, deeper + "/s")]
    assert modes == [0o755, 0o755, 0o666]


@pytest.mark.parametrize(
    "change",
    [
        os.utime,
        lambda path: os.utime(path, (0, 0)),
        lambda path: os.chmod(path, 0o600),
        lambda path: os.chown(path, -1, os.getgid()),
        os.stat,
        lambda path: os.link(path, path + "-too"),
    ],
    ids=["touch", "times", "chmod", "chown", "stat", "link"],
)
def test_what_is_done_to_the_file_loses_nothing(path, change):
    """It is ours until it is removed, or another one has its place."""
    unix, sock = bound(path)
    with sock:
        change(path)
        assert not unix.is_lost()


def test_a_file_that_is_gone_or_another_is_noticed(path):
    """Also one that would get the same inode number, and a link to another."""
    unix, sock = bound(path)
    with sock:
        os.rename(path, path + "-moved")
        assert unix.is_lost()
        os.rename(path + "-moved", path)
        assert not unix.is_lost()
        os.unlink(path)
        assert unix.is_lost()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(path)
            assert unix.is_lost()
        os.unlink(path)
        os.symlink("/nowhere", path)
        assert unix.is_lost()
        shutil.rmtree(os.path.dirname(path))
        assert unix.is_lost()
        again = unix.bind()
        assert not unix.is_lost()
        again.close()


def test_the_default_path_is_the_first_that_may_be_written(path, monkeypatch):
    """Of those where plugins look, the system's come first; no other user's directory is taken."""
    directory = os.path.dirname(os.path.dirname(path))
    own, home = os.path.join(directory, "run"), os.path.join(directory, "home")
    os.mkdir(own)
    os.mkdir(home)
    first, second = f"{directory}/a/b/s", "/proc/self/s"
    monkeypatch.setattr(module, "DEFAULT_SOCKET_PATHS", (first, second))
    assert default_path({}) == default_path({"XDG_RUNTIME_DIR": own}) == first
    monkeypatch.setattr(module, "DEFAULT_SOCKET_PATHS", ("/proc/self/x/s", second))
    at_home = f"{home}/.waggle/live_metrics.sock"
    both = {"XDG_RUNTIME_DIR": own, "HOME": home}
    assert default_path(both) == f"{own}/waggle/live_metrics.sock"
    for other in ("/proc/1", "/nowhere", "run", "/tmp/" + "x" * 100):
        assert default_path({**both, "XDG_RUNTIME_DIR": other}) == at_home
        for nowhere in (other, ""):
            environ = {"XDG_RUNTIME_DIR": other, "HOME": nowhere}
            assert default_path(environ) == "/proc/self/x/s"


def test_somebody_who_holds_the_lock_does_not_stop_the_start(path, monkeypatch):
    """A plugin that can see the directory could; the probe still protects."""
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.05)
    os.makedirs(os.path.dirname(path))
    descriptor = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        _, sock = bound(path)
        sock.close()
    finally:
        os.close(descriptor)
