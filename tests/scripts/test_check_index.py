"""scripts/check_index.py: whether pip can reach its indexes, said before pip tries for minutes."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Nobody listens here.
CLOSED = "http://127.0.0.1:1/simple"


def check(*before, **variables):
    """Run the check with pip's variables and no file of pip; return status and what it said."""
    environ = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    environ = {name: value for name, value in environ.items() if not name.startswith("PIP_")}
    environ.update(PIP_CONFIG_FILE=os.devnull)
    environ.update(variables)
    begin = time.monotonic()
    done = subprocess.run(
        [*before, sys.executable, str(ROOT / "scripts" / "check_index.py")],
        check=False,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=30,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr, time.monotonic() - begin


@pytest.fixture
def index():
    """The address of something that listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield "http://127.0.0.1:%d/simple" % listening.getsockname()[1]


def test_one_that_can_be_reached(index):
    """It says nothing, and the status is 0."""
    assert check(PIP_INDEX_URL=index)[:2] == (0, "")


def test_one_that_can_not(index):
    """The index, the address that was tried, the error and what to do; no password."""
    status, said, _ = check(PIP_INDEX_URL=CLOSED.replace("//", "//anna:secret@"))
    assert status == 1
    first = "The package index %s can't be reached: 127.0.0.1:1: Connection refused" % CLOSED
    assert said.splitlines()[0] == first
    assert "PIP_INDEX_URL" in said and "PIP_NO_INDEX" in said and "secret" not in said
    status, said, _ = check(PIP_INDEX_URL=index, PIP_EXTRA_INDEX_URL=CLOSED + " " + CLOSED + "2")
    assert status == 1 and said.count("can't be reached") == 2 and index not in said


def test_what_needs_no_network():
    """A folder of wheels, or an index in a folder, is left to pip."""
    assert check(PIP_NO_INDEX="1", PIP_INDEX_URL=CLOSED)[:2] == (0, "")
    assert check(PIP_INDEX_URL="file:///nowhere/simple")[:2] == (0, "")


@pytest.mark.parametrize("name", ["PIP_PROXY", "HTTP_PROXY", "http_proxy"])
def test_a_proxy(index, name):
    """Where pip goes through a proxy, it is the proxy that must be reached."""
    status, said, _ = check(**{"PIP_INDEX_URL": "http://nowhere.invalid/simple", name: index[:-7]})
    assert (status, said) == (0, "")
    status, said, _ = check(**{"PIP_INDEX_URL": "http://nowhere.invalid/simple", name: CLOSED[:-7]})
    assert status == 1 and "http://nowhere.invalid/simple can't be reached: 127.0.0.1:1" in said


def test_a_file_of_pip(index, tmp_path):
    """What stands in pip's own file counts, and a variable comes before it."""
    path = tmp_path / "pip.conf"
    path.write_text("[global]\nindex-url = %s\n" % CLOSED)
    assert check(PIP_CONFIG_FILE=str(path))[0] == 1
    assert check(PIP_CONFIG_FILE=str(path), PIP_INDEX_URL=index)[0] == 0
    path.write_text("[global]\nindex-url = %s\n[install]\nindex-url = %s\n" % (CLOSED, index))
    assert check(PIP_CONFIG_FILE=str(path))[0] == 0


def test_one_that_never_answers():
    """Indexes that drop what they are sent are given up within 5 s, all of them together."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(3):  # who comes when its queue is full is not answered
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(full.getsockname())
        url = "http://127.0.0.1:%d/" % full.getsockname()[1]
        more = " ".join(url + letter for letter in "abcdefghi")
        status, said, took = check(PIP_INDEX_URL=url, PIP_EXTRA_INDEX_URL=more)
        for each in waiting:
            each.close()
    assert status == 1 and said.count("can't be reached") == 10
    assert took < 25  # 5 s on a machine that does nothing else, and 50 s one after another
