"""The units for nodes without Kubernetes."""

import configparser
import re
import subprocess
import sys
from pathlib import Path

from tests.programs import program
from waggle_live.wire.places import DEFAULT_SOCKET_PATHS
from waggle_live_collector import options

UNITS = Path(__file__).resolve().parents[2] / "deploy" / "systemd"


def read(name):
    """Return the sections of a unit."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(UNITS / name, encoding="utf-8")
    return parser


def test_systemd_finds_no_fault(tmp_path):
    """systemd-analyze verifies both units, with a program that is there."""
    tool = program("systemd-analyze", "systemd")
    for path in UNITS.iterdir():
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"/opt/\S+/waggle-live-collector", sys.executable, text)
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    names = [str(path) for path in tmp_path.iterdir()]
    done = subprocess.run(
        [tool, "verify", "--man=no", *names], stderr=subprocess.PIPE, text=True, check=False
    )
    ours = [line for line in done.stderr.splitlines() if "waggle-live" in line]
    assert (done.returncode, ours) == (0, [])


def test_the_socket_is_where_plugins_look():
    """Path and rights are the collector's own defaults, and systemd accepts nothing itself."""
    socket = read("waggle-live-collector.socket")["Socket"]
    assert socket["ListenStream"] == DEFAULT_SOCKET_PATHS[0]
    assert int(socket["SocketMode"], 8) == options.DEFAULT_SOCKET_MODE
    assert socket.get("Accept", "no") == "no"


def test_the_service_says_flags_that_there_are():
    """What it starts is parsed; the state lies in the directory that systemd keeps for it."""
    service = read("waggle-live-collector.service")["Service"]
    program, *flags = service["ExecStart"].replace("$COLLECTOR_FLAGS", "").split()
    assert program.endswith("/waggle-live-collector")
    state = options.parse(flags).state_file
    assert state == "/run/%s/state" % service["RuntimeDirectory"]
    assert service["RuntimeDirectoryPreserve"] == "yes"
