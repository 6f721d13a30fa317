"""A real redis-server for tests, with a directory of its own, ended by the test."""

import signal
import socket
import subprocess

from tests.programs import free_port, program

from .harness import wait_until


class RedisServer:
    """Starts empty and may be stopped, started again, or stopped in its tracks.

    On a free port of the loopback interface; or, by the command ``within``, in a network namespace
    where ``host`` is its address, on the port of the stack's.
    """

    def __init__(self, directory, *, host="127.0.0.1", within=()):
        self._command = [*within, program("redis-server", "redis-server")]
        self._directory = directory
        self._host, self.port = host, 6379
        if not within:
            self.port = free_port()
        self.process = None

    @property
    def url(self):
        """The value of ``--identity.app-meta-cache``."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        """Start it; returns when it answers."""
        arguments = ["--port", str(self.port), "--bind", self._host, "--dir", self._directory]
        arguments += ["--save", "", "--appendonly", "no", "--protected-mode", "no"]
        self.process = subprocess.Popen([*self._command, *arguments], stdout=subprocess.DEVNULL)
        wait_until(self._answers)
        return self

    def _answers(self):
        try:
            return self.ask("PING") == b"+PONG\r\n"
        except OSError:
            return False

    def ask(self, *words):
        """Say one command and return the answer as it is on the wire."""
        parts = [str(word).encode() for word in words]
        request = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(p), p) for p in parts)
        with socket.create_connection((self._host, self.port), timeout=10) as connection:
            connection.sendall(request)
            return connection.recv(4096)

    def set(self, app_id, text, database=0):
        """Write a record as the stack does."""
        assert self.ask("SET", "app-meta." + app_id, text) == b"+OK\r\n"
        if database:
            assert self.ask("MOVE", "app-meta." + app_id, database) == b":1\r\n"

    def freeze(self):
        """Stop it in its tracks: it accepts connections by the kernel, and says nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        """End it; all that it knew is gone."""
        if self.process is not None:
            self.thaw()
            self.process.terminate()
            self.process.wait(30)
            self.process = None
