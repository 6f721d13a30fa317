"""Starts real collectors for tests, on a socket of their own and a free port.

    with start(hold_time=1.0) as collector:
        ...                               # talk to collector.socket_path
        assert collector.value("waggle_timer_seconds_count", name="inference") == 3

Runs on every Python that the client supports. The collector itself needs 3.11 or later: with
an older one, ``WAGGLE_LIVE_TEST_COLLECTOR`` names the interpreter that has it.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import weakref

from tests.collector.scrape import MUST_BE_THERE, Scrape

START_SECONDS = 30.0
#: With a state in which no process is awaited a collector is ready two seconds earlier.
NOBODY = '{"format":1,"boot":"","monotonic":0.0,"plugins":[],"sessions":[],"ended":[]}'
#: Runs the collector of the command line, but with these limits.
WITH_LIMITS = """
import sys
from dataclasses import replace
from waggle_live_collector.__main__ import serve
from waggle_live_collector.limits import HttpLimits, Limits
from waggle_live_collector.options import parse
serve(replace(parse(sys.argv[1:]), limits=%s))
"""


class CollectorProcess:
    """A collector process that may be started, ended and started again.

    ``state_file``: True for one in its own directory, in which no process is awaited at first; a
    path; or None. The socket path and the state stay from start to start, the port doesn't.
    ``limits``: a Limits in Python, for small times. ``program``: Python in place of the command.
    ``process``: more arguments of Popen. They may be replaced before another start.
    """

    def __init__(
        self,
        directory=None,
        *,
        state_file=True,
        hold_time=None,
        flags=(),
        limits=None,
        program=None,
        process=None,
    ):
        # Socket paths are short, at most 107 bytes: too short for pytest's directories.
        self._own = tempfile.mkdtemp(prefix="wl-")
        self._remove = weakref.finalize(self, shutil.rmtree, self._own, True)
        self.directory = self._own if directory is None else str(directory)
        self.socket_path = os.path.join(self._own, "live_metrics.sock")
        self.log_path = os.path.join(self.directory, "collector.log")
        self.url = None
        self.process = None
        self._offset = 0
        self.exit_code = None
        self.flags = list(flags)
        self.popen_arguments = process or {}
        if state_file is True:
            state_file = os.path.join(self.directory, "state")
            with open(state_file, "w", encoding="utf-8") as file:
                file.write(NOBODY)
        if limits is not None:
            program = WITH_LIMITS % limits
        self._program = ["-m", "waggle_live_collector"] if program is None else ["-c", program]
        if state_file:
            self.flags.append("--state.file=%s" % state_file)
        if hold_time is not None:
            self.flags.append("--plugin.hold-time=%gs" % hold_time)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self._remove()

    @property
    def address(self):
        """The value of ``WAGGLE_LIVE_METRICS`` that leads here."""
        return "unix://" + self.socket_path

    def start(self, wait_ready=True):
        """Start the process (again); returns when it listens, or when its answers are whole."""
        self.start_soon()
        self.wait_started()
        if wait_ready:
            self.wait_ready()
        return self

    def start_soon(self):
        """Start the process and don't wait for it."""
        self._offset = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        command = [
            os.environ.get("WAGGLE_LIVE_TEST_COLLECTOR", sys.executable),
            *self._program,
            "--socket.path=" + self.socket_path,
        ]
        if not any(flag.startswith("--web.listen-address=") for flag in self.flags):
            command.append("--web.listen-address=127.0.0.1:0")
        with open(self.log_path, "ab") as log:
            command += self.flags
            self.process = subprocess.Popen(command, stderr=log, **self.popen_arguments)

    def wait_started(self):
        """Wait until it listens."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            found = re.search(r"http=(127\.0\.0\.1:\d+)\s", self.log(self._offset))
            if found:
                break
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("the collector did not start:\n" + self.log(self._offset))
            time.sleep(0.01)
        self.url = "http://" + found.group(1)

    def wait_ready(self):
        """Wait until its answers are whole."""
        wait_until(lambda: self.get("/-/ready")[0] == 200)

    def log(self, offset=0):
        """Return what it logged."""
        with open(self.log_path, encoding="utf-8") as log:
            log.seek(offset)
            return log.read()

    def get(self, path, headers=None, timeout=10.0):
        """Return status, headers and body of a request."""
        return self.ask("GET", path, None, headers, timeout)

    def ask(self, method, path, data=None, headers=None, timeout=10.0):
        """Return status, headers and body of any request."""
        request = urllib.request.Request(self.url + path, data, headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def scrape(self):
        """Return the families of ``/metrics``."""
        status, _, body = self.get("/metrics")
        assert status == 200, body
        return Scrape(body.decode())

    def value(self, family, default=MUST_BE_THERE, **labels):
        """Return one value of ``/metrics``, as ``Scrape.value`` does."""
        return self.scrape().value(family, default, **labels)

    def plugins(self):
        """Return the list of plugins of the API."""
        status, _, body = self.get("/api/v1/plugins")
        assert status == 200, body
        return json.loads(body.decode())["plugins"]

    def waited(self):
        """Return the seconds that its event loop has waited for a core."""
        with open(f"/proc/{self.process.pid}/schedstat") as schedstat:
            return int(schedstat.read().split()[1]) / 1e9

    def signal(self, number):
        """Send a signal."""
        self.process.send_signal(number)

    def kill(self):
        """Kill it with -9 and wait for its end."""
        self.process.kill()
        self._wait()

    def terminate(self):
        """Send SIGTERM and return its exit code."""
        self.process.terminate()
        return self._wait()

    def stop(self):
        """End it somehow; fine if it has ended already."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self._wait()
            except subprocess.TimeoutExpired:
                self.kill()

    def _wait(self):
        self.exit_code = self.process.wait(timeout=START_SECONDS)
        return self.exit_code


def start(wait_ready=True, **how):
    """Start a :class:`CollectorProcess` and return it; a context manager that stops it."""
    collector = CollectorProcess(**how)
    try:
        return collector.start(wait_ready=wait_ready)
    except BaseException:
        collector.__exit__()
        raise


def wait_until(condition, seconds=START_SECONDS, every=0.02):
    """Return the first true value of ``condition()``, or fail after ``seconds``.

    What takes longer is asked for less often: most conditions cost a scrape.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, "waited %g s in vain" % seconds
        time.sleep(every)
        every = max(every, min(1.5 * every, 0.1))


class Client:
    """A hand-written client of the wire, for saying what a good one never would."""

    def __init__(self, collector):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(START_SECONDS)
        try:
            self.socket.connect(collector.socket_path)
        except OSError:
            self.socket.close()
            raise
        self._file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, *messages):
        """Send messages: objects as JSON, bytes as they are."""
        for message in messages:
            if not isinstance(message, bytes):
                self.socket.sendall(json.dumps(message).encode() + b"\n")
            else:
                self.socket.sendall(message)

    def read(self):
        """Return the next message, None at the end of file."""
        try:
            line = self._file.readline()
        except ConnectionResetError:
            return None
        return json.loads(line.decode()) if line else None

    def hello(self, process="session-1", key="key-of-the-session", plugin="plugin", **more):
        """Say hello and return the answer."""
        hello = {"type": "hello", "version": 1, "session": process, "key": key, "plugin": plugin}
        hello.update(more)
        self.send(hello)
        return self.read()

    def update(self, number, cells, monotonic=None, **more):
        """Send an update; its clock is the number of the update in seconds by default."""
        message = {"type": "update", "number": number, "cells": cells}
        message["monotonic"] = float(number) if monotonic is None else monotonic
        message.update(more)
        self.send(message)

    def flush(self, number=0):
        """Return the messages up to and with the answer to a flush."""
        self.send({"type": "flush", "number": number})
        return self._until("applied")

    def bye(self, number=0, status="ok"):
        """Return the messages up to and with the answer to a bye."""
        self.send({"type": "bye", "number": number, "status": status})
        return self._until("applied")

    def _until(self, kind):
        messages = [self.read()]
        while messages[-1] is not None and messages[-1]["type"] != kind:
            messages.append(self.read())
        return messages

    def close(self):
        """Close the connection."""
        with contextlib.suppress(OSError):
            self._file.close()
            self.socket.close()
