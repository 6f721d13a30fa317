"""Processes that own a file and write it, until they are killed."""

import contextlib
import os
import signal
import subprocess
import sys

#: For each line makes a process that owns the file and writes whole texts until it is killed.
WRITERS = """
import os, sys
from waggle_live_collector.state.owned_file import OwnedFile
for line in sys.stdin:
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        print(flush=True)
        continue
    file = OwnedFile(sys.argv[1])
    file.read()
    print(os.getpid(), flush=True)
    while True:
        for letter in b"ab":
            file.replace(bytes([letter]) * 2_000_000)
"""


class Writers:
    """Processes that write a file, one after another."""

    def __init__(self, path):
        command = [sys.executable, "-c", WRITERS, str(path)]
        self._mother = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._mother.communicate()
        assert self._mother.returncode == 0

    @contextlib.contextmanager
    def one(self):
        """Let one write from now on, and kill it at the end."""
        self._mother.stdin.write("\n")
        self._mother.stdin.flush()
        pid = int(self._mother.stdout.readline())
        try:
            yield pid
        finally:
            os.kill(pid, signal.SIGKILL)
            self._mother.stdout.readline()
