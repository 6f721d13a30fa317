"""Who may talk: the rights of the socket, met by real processes of other users and groups."""

import contextlib
import os
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ..harness import CollectorProcess, wait_until

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="needs root: only root can start processes of other users"
)

ROOT = Path(__file__).resolve().parents[3]
#: No user of this machine needs to have these numbers.
UID, GID, GROUP = 54321, 54322, 54323
#: A plugin's exit is never later than this; see the design of the client.
EXIT_SECONDS = 0.5

#: Python itself may lie where only root can read: all is imported before root is left, and
#: nothing executed after.
AS_ANOTHER = """
import os, sys
{imports}
os.setgroups({groups})
os.setgid({gid})
os.setuid({uid})
{body}
"""

PLUGIN = """
logging.basicConfig(format="%(name)s: %(message)s")
with LiveMetrics(plugin_name=sys.argv[1], task="t", job="j") as live:
    for _ in range(10):
        with live.timer("work"):
            pass
    end = time.monotonic() + float(sys.argv[2])
    flushed = False
    while not flushed and time.monotonic() < end:
        flushed = live.flush(timeout=0.2)
        time.sleep(0.02)
    began = time.monotonic()
print(flushed, time.monotonic() - began)
"""


def command(imports, body, *arguments, uid=UID, gid=GID, groups=()):
    """Return the command that runs ``body`` as that user."""
    code = AS_ANOTHER.format(imports=imports, body=body, uid=uid, gid=gid, groups=list(groups))
    return [sys.executable, "-c", code, *map(str, arguments)]


class Outcome:
    """What a plugin of another user said: whether its flush was applied, its end, its log."""

    def __init__(self, done):
        assert done.returncode == 0, done.stderr
        flushed, seconds = done.stdout.split()
        self.flushed = flushed == "True"
        self.exit_seconds = float(seconds)
        self.log = done.stderr


def plugin(collector, name, gid=GID, groups=(), seconds=30):
    """Run a plugin as another user and return its outcome."""
    imports = "import logging, time, waggle_live.live\nfrom waggle_live import LiveMetrics"
    return Outcome(
        subprocess.run(
            command(imports, PLUGIN, name, seconds, gid=gid, groups=groups),
            env={"WAGGLE_LIVE_METRICS": collector.address, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            timeout=120,
            check=False,
        )
    )


def directory_of(collector):
    """Return the socket's directory, made as open as one that plugins mount."""
    directory = os.path.dirname(collector.socket_path)
    os.chmod(directory, 0o755)
    return directory


@pytest.fixture(scope="module")
def anybody():
    """A collector with the default rights, which logs who connects."""
    with CollectorProcess(flags=["--log.level=debug"]).start() as collector:
        directory_of(collector)
        yield collector


@pytest.fixture(scope="module")
def group_only():
    """A collector for one group, with a directory that anybody may enter."""
    flags = ["--socket.mode=0660", f"--socket.gid={GROUP}"]
    with CollectorProcess(flags=flags).start() as collector:
        directory_of(collector)
        yield collector


def test_by_default_any_user_may_report_and_the_kernel_says_who(anybody):
    """Plugins run as whatever their image says; the connection's user and group are recorded."""
    outcome = plugin(anybody, "anybody")
    assert outcome.flushed
    assert outcome.log == ""
    assert anybody.value("waggle_timer_seconds_count", plugin="anybody", name="work") == 10
    wait_until(lambda: f"uid={UID}, gid={GID}" in anybody.log())


def test_another_user_can_connect_but_not_replace_the_socket(anybody):
    """Neither remove nor rename it, nor put another in its place."""
    body = """
for call in (
    lambda: os.unlink(sys.argv[1]),
    lambda: os.rename(sys.argv[1], sys.argv[1] + "x"),
    lambda: os.chmod(sys.argv[1], 0),
    lambda: open(sys.argv[1] + "x", "w"),
):
    try:
        call()
    except PermissionError:
        print("denied")
"""
    done = subprocess.run(
        command("", body, anybody.socket_path), stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout.split() == ["denied"] * 4


@pytest.mark.parametrize(
    ("gid", "groups"), [(GROUP, ()), (GID, (GROUP,))], ids=["its own", "supplementary"]
)
def test_a_member_of_the_group_may_report(group_only, gid, groups):
    """The group is the process's own or one of its further ones."""
    status = os.stat(group_only.socket_path)
    assert (stat.S_IMODE(status.st_mode), status.st_gid) == (0o660, GROUP)
    assert plugin(group_only, f"member-{gid}", gid=gid, groups=groups).flushed
    assert group_only.value("waggle_timer_seconds_count", plugin=f"member-{gid}") == 10


@pytest.mark.quiet
def test_another_is_told_what_it_is_and_what_the_socket_wants(group_only):
    """One line: its user and groups, the socket's mode and owners, and which flags change that."""
    outcome = plugin(group_only, "stranger", groups=(54324, 54325), seconds=3)
    assert not outcome.flushed
    assert outcome.exit_seconds < EXIT_SECONDS
    assert len(outcome.log.splitlines()) == 1
    assert group_only.address in outcome.log
    assert f"this process is uid {UID}, gid {GID}, groups [54324, 54325]" in outcome.log
    assert f"the socket is mode 0660, uid 0, gid {GROUP}" in outcome.log
    assert "--socket.gid or --socket.mode" in outcome.log
    assert group_only.scrape().all("waggle_plugin_up", plugin="stranger") == []


@pytest.mark.quiet
def test_a_directory_that_cannot_be_entered_is_said(tmp_path_factory):
    """The socket's rights don't matter then, and can't be seen."""
    with CollectorProcess().start(wait_ready=False) as collector:
        os.chmod(os.path.dirname(collector.socket_path), 0o700)
        outcome = plugin(collector, "outside", seconds=3)
    assert not outcome.flushed
    assert outcome.exit_seconds < EXIT_SECONDS
    assert "permission denied" in outcome.log
    assert "directory can't be entered" in outcome.log
    assert f"uid {UID}, gid {GID}" in outcome.log


def start_as(directory, flags, groups=()):
    """Start a collector as another user; return its exit status (None if it runs) and its log."""
    flags = [
        "--web.listen-address=127.0.0.1:0",
        f"--socket.path={directory}/live_metrics.sock",
        *flags,
    ]
    imports = "import encodings.idna\nfrom waggle_live_collector.__main__ import main"
    log = Path(directory) / "log"
    with open(log, "wb") as file:
        process = subprocess.Popen(command(imports, "main()", *flags, groups=groups), stderr=file)
    try:
        deadline = time.monotonic() + 60
        while process.poll() is None and "ready:" not in log.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return process.poll(), log.read_text()
    finally:
        process.kill()
        process.wait()


def test_a_collector_that_is_not_root_gives_the_socket_to_a_group_of_its_own_only(
    short_directory,
):
    """To one it is in; else it doesn't start, and says why."""
    os.chown(short_directory, UID, GID)
    flags = ["--socket.mode=0660", f"--socket.gid={GROUP}"]
    code, log = start_as(short_directory, flags)
    assert code == 1
    assert f"--socket.gid must be a group of this process: [{GID}]" in log
    assert "Traceback" not in log
    code, log = start_as(short_directory, flags, groups=(GROUP,))
    assert code is None, log


def test_a_collector_that_may_not_write_the_directory_says_who_it_is(short_directory):
    """Exit status 1, the directory, its user and group."""
    os.chmod(short_directory, 0o755)
    code, log = start_as(short_directory, [])
    assert code == 1
    assert f"uid {UID}" in log
    assert f"gid {GID}" in log
    assert str(short_directory) in log


def test_a_socket_left_behind_that_may_not_be_tried_is_said(short_directory):
    """Exit status 1, whose it is, and what helps. It stays: who listens on it can't be known."""
    path = os.path.join(short_directory, "live_metrics.sock")
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as left:
        left.bind(path)
    os.chmod(path, 0o660)
    os.chown(short_directory, UID, GID)
    code, log = start_as(short_directory, [])
    assert code == 1
    assert f"{path} is a socket of uid 0, mode 0660, and uid {UID} may not ask" in log
    assert "remove it if no collector does" in log
    assert os.path.exists(path)


def test_a_collector_that_may_not_write_the_state_says_where_and_who_it_is(short_directory):
    """It goes on without."""
    os.chown(short_directory, UID, GID)
    state = Path(short_directory, "of-root")
    state.mkdir(0o755)
    code, log = start_as(short_directory, [f"--state.file={state}/state"])
    assert code is None, log
    said = f"state file {state}/state: Permission denied; {state} must be writable for uid {UID}"
    assert f"can't make {said} gid {GID}" in log


@pytest.fixture()
def short_directory():
    """A directory with a path that is short enough for a socket."""
    with CollectorProcess() as unused:
        yield directory_of(unused)
