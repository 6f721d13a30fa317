"""A user without root who has just arrived: a home, a clone, terminals, a network of their own."""

import contextlib
import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tests import repository
from tests.programs import program
from tests.repository import ROOT

#: Nobody of this number is known to the system. Where the tests don't run as root, it is theirs.
UID = 54321
#: Seconds that what is awaited may take on a machine that is busy with other tests.
PATIENCE = 60.0
#: What pip needs to find packages; nothing else of the environment is handed on.
HANDED_ON = ("PIP_", "SSL_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


class User:
    """A context manager; as root it gives the user an own loopback, where port 9090 is free."""

    def __init__(self):
        self._ends = contextlib.ExitStack()
        self._before = []
        self._uid = UID if os.geteuid() == 0 else os.geteuid()

    def __enter__(self):
        with contextlib.ExitStack() as ends:
            self.home = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="wl-")))
            self._environ = self._make_environment()
            self._become()
            self._make_home()
            self._enter_network(ends)
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *exc_info):
        self._ends.close()

    @property
    def clone(self):
        """A clone of the repository with what is not committed yet."""
        return self.home / "clone"

    def run(self, commands, cwd=None, online=False, timeout=PATIENCE * 5):
        """Paste commands that end by themselves; return what they printed."""
        command = ["bash", "-e", "-c", commands]
        done = subprocess.run(
            [*self._before[0 if not online else len(self._network) :], *command],
            cwd=str(cwd or self.clone),
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, "%s\n%s" % (commands, done.stdout)
        return done.stdout

    def start(self, commands, cwd=None):
        """Paste commands that go on until they are interrupted; return the terminal."""
        command = [*self._before, "bash", "-e", "-c", commands]
        terminal = Terminal(command, str(cwd or self.clone), self._environ)
        self._ends.callback(terminal.close)
        return terminal

    def get(self, path):
        """Return what the collector answers; that it isn't ready yet is an answer too."""
        return self.run("curl --silent http://127.0.0.1:9090%s" % path)

    def plugin(self, name):
        """Return one plugin of the JSON, which the page shows; None while it isn't there."""
        answer = self.get("/api/v1/plugins")
        plugins = json.loads(answer)["plugins"] if answer.startswith("{") else []
        return next((each for each in plugins if each["plugin"] == name), None)

    def write(self, directory, name, text):
        """Save a file as an editor does."""
        path = directory / name
        path.write_text(text)
        os.chown(str(path), self._uid, -1)

    def _make_environment(self):
        environ = {
            name: value for name, value in os.environ.items() if name.upper().startswith(HANDED_ON)
        }
        path = "%s:/usr/local/bin:/usr/bin:/bin" % (self.home / "bin")
        return dict(environ, HOME=str(self.home), PATH=path, LANG="C.UTF-8", TERM="xterm")

    def _become(self):
        os.chown(str(self.home), self._uid, -1)
        self._network = []
        if os.geteuid() == 0:
            setpriv = program("setpriv", "util-linux")
            self._before = [setpriv, "--reuid=%d" % UID, "--regid=%d" % UID, "--clear-groups"]
            self._before += ["--inh-caps=-all"]

    def _make_home(self):
        self.clone.mkdir()
        for name in repository.files():
            (self.clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(ROOT / name), str(self.clone / name))
        # A file of pip that is there for whoever runs the tests is there for this user.
        settings = Path("~/.config/pip/pip.conf").expanduser()
        if settings.exists():
            (self.home / ".config" / "pip").mkdir(parents=True)
            shutil.copy(str(settings), str(self.home / ".config" / "pip"))
        (self.home / "bin").mkdir()
        for path in self.home.rglob("*"):
            os.chown(str(path), self._uid, -1)
        find = [*self._before, str(self.clone / "scripts" / "find-python"), "3.11+"]
        path = os.environ["PATH"] + ":/usr/local/bin:/usr/bin:/bin"
        found = subprocess.run(
            find,
            env=dict(self._environ, PATH=path),
            cwd=str(self.home),
            stdout=subprocess.PIPE,
            check=False,
        )
        if found.returncode:
            reason = "no Python 3.11 or newer with venv that each user may run"
            assert not os.environ.get("CI"), reason
            pytest.skip(reason)
        (self.home / "bin" / "python3").symlink_to(found.stdout.decode().strip())

    def _enter_network(self, ends):
        unshare, nsenter = (program(each, "util-linux") for each in ("unshare", "nsenter"))
        ready = "%s link set lo up && echo ready && exec sleep infinity" % program("ip", "iproute2")
        if os.geteuid() != 0 or subprocess.run([unshare, "-n", "true"], check=False).returncode:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", 9090)) == 0:
                    pytest.skip("port 9090 is taken, and only root may make a network of its own")
            return
        holder = subprocess.Popen([unshare, "-n", "sh", "-c", ready], stdout=subprocess.PIPE)
        ends.callback(holder.wait)
        ends.callback(holder.kill)
        assert holder.stdout.readline() == b"ready\n"
        holder.stdout.close()
        self._network = [nsenter, "--net=/proc/%d/ns/net" % holder.pid]
        self._before = [*self._network, *self._before]


class Terminal:
    """A terminal with one command in it, that goes on."""

    def __init__(self, command, cwd, environ):
        self._output = b""
        self._master, slave = pty.openpty()
        os.set_blocking(self._master, False)
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(environ, LINES="50", COLUMNS="120"),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def wait_for(self, text):
        """Wait until ``text`` has been printed; return all that has been printed."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.output():
            assert time.monotonic() < deadline, "no %r in\n%s" % (text, self.output())
            assert self._process.poll() is None or text in self.output(), self.output()
            time.sleep(0.05)
        return self.output()

    def output(self):
        """Return all that has been printed."""
        with contextlib.suppress(OSError):  # nothing to read, or nobody has it open any more
            while True:
                data = os.read(self._master, 65536)
                if not data:
                    break
                self._output += data
        return self._output.decode(errors="replace").replace("\r\n", "\n")

    def interrupt(self):
        """Press Ctrl-C, and wait for the end; return all that has been printed."""
        os.killpg(self._process.pid, signal.SIGINT)
        deadline = time.monotonic() + PATIENCE
        while self._process.poll() is None:
            self.output()  # a full terminal would stop it
            assert time.monotonic() < deadline, self.output()
            time.sleep(0.02)
        return self.output()

    def close(self):
        """End what is left."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        os.close(self._master)


def eventually(ask, timeout=PATIENCE):
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + timeout
    while True:
        answer = ask()
        if answer or time.monotonic() >= deadline:
            assert answer
            return answer
        time.sleep(0.2)
