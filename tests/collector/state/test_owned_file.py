"""state/owned_file.py: one file, one owner, and nobody led astray."""

import errno
import os
import random
import resource
import signal
import stat
import subprocess
import sys
import time

import pytest

from waggle_live_collector.state import owned_file
from waggle_live_collector.state.owned_file import OwnedFile, StateFileError

from ...leftovers import descriptors
from .writers import Writers


@pytest.fixture()
def hasty(monkeypatch):
    """Nobody waits for another owner."""
    monkeypatch.setattr(owned_file, "LOCK_SECONDS", 0.0)


@pytest.fixture()
def file(path):
    """A file that is owned, with a text in it."""
    one = OwnedFile(str(path))
    assert one.read() == b""
    one.replace(b"text")
    return one


def test_a_file_is_made_and_replaced_for_its_owner_s_eyes_alone(path):
    """Whatever the umask says."""
    before = os.umask(0o277)
    try:
        one = OwnedFile(str(path))
        one.read()
        one.replace(b"text")
    finally:
        os.umask(before)
    assert path.read_bytes() == b"text"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["state"]


@pytest.mark.usefixtures("hasty")
def test_a_file_has_one_owner_however_one_comes_to_it(path, file, tmp_path, monkeypatch):
    """By another path, a symlink, a hard link; before and after it was replaced."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "symlink").symlink_to("folder/symlink")
    (tmp_path / "folder" / "symlink").symlink_to("../state")
    os.link(path, tmp_path / "hard link")
    for _ in range(2):
        for other in ("state", "folder/../state", "symlink", "folder/symlink", "hard link"):
            with pytest.raises(StateFileError, match="in use by another collector") as caught:
                OwnedFile(other).read()
            assert "give this one another --state.file" in str(caught.value)
        file.replace(b"new")
    file.release()
    assert OwnedFile("symlink").read() == b"new"


@pytest.mark.usefixtures("hasty")
def test_a_refused_owner_is_told_who_has_the_file(path):
    """Its process, where the kernel tells."""
    with Writers(path) as writers, writers.one() as pid:
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(StateFileError) as caught:
            OwnedFile(str(path)).read()
    if os.path.exists("/proc/locks"):
        assert f"(process {pid})" in str(caught.value)


def test_the_next_owner_waits_for_one_that_is_ending(path, file):
    """A restart finds the last text of the one before."""
    wait = subprocess.Popen(
        [sys.executable, "-c", "import sys, waggle_live_collector.state.owned_file as o\n"
         "print(o.OwnedFile(sys.argv[1]).read())", str(path)],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    time.sleep(0.5)
    file.replace(b"last")
    file.release()
    assert wait.communicate(timeout=30)[0] == b"b'last'\n"


def test_a_hundred_kills_while_writing_leave_a_whole_text(path):
    """And no lock; what they left half done is removed."""
    with Writers(path) as writers:
        for _ in range(100):
            with writers.one():
                time.sleep(random.uniform(0.0, 0.02))
            text = path.read_bytes()
            assert text in (b"", b"a" * 2_000_000, b"b" * 2_000_000)
    assert len(os.listdir(path.parent)) > 1
    one = OwnedFile(str(path))
    assert one.read() == text
    one.remove_leftovers()
    assert os.listdir(path.parent) == ["state"]


def test_leftovers_are_known_by_their_names(path, file):
    """What else stands there is somebody else's."""
    ours = ("state.tmp", "state.0123456789abcdef.tmp")
    others = ("state.old.tmp", "state2.tmp", "state.0123456789abcdef.tmp.gz")
    for name in ours + others:
        (path.parent / name).touch()
    file.remove_leftovers()
    assert set(os.listdir(path.parent)) == {"state", *others}


def test_a_link_stays_and_its_target_is_replaced(path, tmp_path):
    """Also one that leads nowhere yet, and one over several steps."""
    (tmp_path / "folder").mkdir()
    path.symlink_to("folder/link")
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "folder" / "target")
    one = OwnedFile(str(path))
    assert one.read() == b""
    one.replace(b"text")
    assert path.is_symlink()
    assert (tmp_path / "folder" / "link").is_symlink()
    assert (tmp_path / "folder" / "target").read_bytes() == b"text"
    assert sorted(os.listdir(tmp_path / "folder")) == ["link", "target"]


@pytest.mark.parametrize("plant", ["symlink", "directory", "fifo"])
def test_a_planted_temporary_file_leads_nowhere(path, file, tmp_path, plant):
    """The name of ours can't be foreseen, and is made anew."""
    planted, victim = tmp_path / "state.tmp", tmp_path / "victim"
    victim.write_text("mine")
    make = {"symlink": lambda: planted.symlink_to(victim), "directory": planted.mkdir}
    make.get(plant, lambda: os.mkfifo(planted))()
    file.replace(b"new")
    assert path.read_bytes() == b"new"
    assert victim.read_text() == "mine"


def test_a_planted_name_is_not_opened(path, file, tmp_path, monkeypatch):
    """Even if it were foreseen."""
    monkeypatch.setattr(owned_file.secrets, "token_hex", lambda size: "0" * 2 * size)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / ("state." + 16 * "0" + ".tmp")).symlink_to(victim)
    with pytest.raises(FileExistsError):
        file.replace(b"new")
    assert victim.read_text() == "mine"
    assert path.read_bytes() == b"text"


@pytest.mark.parametrize("kind", ["directory", "fifo", "/dev/null", "/dev/zero"])
def test_what_is_no_file_is_refused_at_once(path, kind):
    """A fifo has no other end, and a device has none."""
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(kind)
    with pytest.raises(StateFileError, match="no regular file"):
        OwnedFile(str(path)).read()


@pytest.mark.parametrize("name", ["with a \0", "file/state", "loop/state"])
def test_a_path_that_can_never_be_one_is_refused(tmp_path, name):
    """With the reason of the system."""
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(StateFileError, match="state file /"):
        OwnedFile(str(tmp_path / name)).read()


def test_a_directory_that_comes_and_goes_is_no_end(path, caplog):
    """At the start it is said; the file is made once it can be, and made again."""
    one = OwnedFile(str(path.parent / "folder" / "state"))
    assert one.read() == b""
    assert "can't make state file" in caplog.text
    for text in (b"1", b"2"):
        with pytest.raises(FileNotFoundError):
            one.replace(text)
        (path.parent / "folder").mkdir()
        one.replace(text)
        assert (path.parent / "folder" / "state").read_bytes() == text
        os.rename(path.parent / "folder", path.parent / text.decode())


def test_a_file_that_another_owns_meanwhile_is_left_alone(path, file):
    """Ours was removed, and another collector began."""
    path.unlink()
    other = OwnedFile(str(path))
    assert other.read() == b""
    with pytest.raises(StateFileError, match="in use"):
        file.replace(b"ours")
    other.replace(b"theirs")
    assert path.read_bytes() == b"theirs"


def test_a_text_that_cannot_be_written_whole_leaves_the_one_before(path, file):
    """And nothing else."""
    with pytest.raises(TypeError):
        file.replace(None)
    assert path.read_bytes() == b"text"
    assert os.listdir(path.parent) == ["state"]


def test_a_full_disk_leaves_the_text_before_and_can_be_written_again(path, file):
    """What could not be written whole is removed."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            file.replace(b"x" * (2 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == b"text"
    assert os.listdir(path.parent) == ["state"]
    file.replace(b"new")
    assert path.read_bytes() == b"new"


def test_where_files_cannot_be_locked_that_is_said_once(path, monkeypatch, caplog):
    """And nothing else changes."""

    def flock(descriptor, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(owned_file.fcntl, "flock", flock)
    one = OwnedFile(str(path))
    assert one.read() == b""
    for text in (b"1", b"2"):
        one.replace(text)
        assert path.read_bytes() == text
    assert caplog.text.count("can't be locked; make sure") == 1


def test_descriptors_are_given_back(path, file):
    """However often the file is replaced, and linked to meanwhile."""

    def held():
        return [each for _, each in descriptors() if each.startswith(str(path.parent))]

    assert len(held()) == 1
    for number in range(5):
        os.link(path, path.parent / str(number))
        file.replace(b"text")
    assert len(held()) == 2  # the file, and the first one, which has other names
    file.release()
    assert not held()


def test_a_file_far_too_large_is_not_read(path):
    """It is none of ours."""
    with open(path, "wb") as huge:
        huge.truncate(owned_file.MAX_BYTES + 1)
    with pytest.raises(StateFileError, match="but a state at most"):
        OwnedFile(str(path)).read()
