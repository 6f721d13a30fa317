"""The socket file."""

import fcntl
import os
import shutil
import socket
import stat
import tempfile

import pytest

from waggle_live_collector.sockets import unix as module
from waggle_live_collector.sockets.unix import SocketError, UnixSocket


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


def test_missing_rights_are_explained(path, monkeypatch):
    """The message names the uid, the directory and the flag."""

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "chmod", refuse)
    with pytest.raises(SocketError, match=f"uid {os.geteuid()}.*--socket.gid"):
        bound(path)


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
