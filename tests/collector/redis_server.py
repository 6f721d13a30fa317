"""A real redis-server for tests: on loopback, with a directory of its own, ended by the test."""

import signal
import socket
import subprocess

from tests.programs import program

from .harness import wait_until


class RedisServer:
    """Starts empty and may be stopped, started again, or stopped in its tracks."""

    def __init__(self, directory):
        self._program = program("redis-server", "redis-server")
        self._directory = directory
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.process = None

    @property
    def url(self):
        """The value of ``--identity.app-meta-cache``."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        """Start it; returns when it answers."""
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", self._directory]
        arguments += ["--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen([self._program, *arguments], stdout=subprocess.DEVNULL)
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
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
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
