"""The demonstration's child processes: started together, watched, and always ended."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from .errors import DemoError

#: Seconds that a child has to end after SIGTERM before it is killed.
GRACE = 5.0
#: Lines of a child's log that an error shows.
TAIL = 15


class Child:
    """One process, with its output in a file."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self._log = log

    def check(self) -> None:
        """Raise DemoError, with the end of its log, if the process has ended."""
        status = self.process.poll()
        if status is not None:
            how = f"by signal {-status}" if status < 0 else f"with status {status}"
            raise DemoError(f"{self.name} ended {how}. {self.tail()}")

    def tail(self) -> str:
        """Return the end of what the process has said, introduced by a few words."""
        lines = self._log.read_text(errors="replace").splitlines()[-TAIL:]
        if not lines:
            return "It said nothing."
        return "The end of what it said:\n" + "\n".join("    " + line for line in lines)


class Children:
    """A context manager that ends all that was started in it, the last one first."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._children: list[Child] = []

    def start(self, name: str, command: Sequence[str], environ: Mapping[str, str]) -> Child:
        """Start a process whose output goes to ``<name>.log``; raises DemoError if it can't."""
        log = self._directory / f"{name}.log"
        with log.open("wb") as file:
            try:
                # A session of its own: Ctrl-C is then ours alone, and we end the plugins before
                # the collector, so that they can take their leave of it.
                process = subprocess.Popen(
                    command,
                    env=environ,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise DemoError(f"{name} can't be started: {error}") from error
        child = Child(name, process, log)
        self._children.append(child)
        return child

    def check(self) -> None:
        """Raise DemoError if any of them has ended."""
        for child in self._children:
            child.check()

    def tail(self, name: str) -> str:
        """Return the end of what a child has said."""
        return next(child.tail() for child in self._children if child.name == name)

    def end(self, child: Child) -> None:
        """End one: SIGTERM, and SIGKILL after a while."""
        self._children.remove(child)
        child.process.terminate()
        try:
            child.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()

    def stop(self) -> None:
        """End all, in the reverse order of their starts."""
        while self._children:
            self.end(self._children[-1])

    def __enter__(self) -> Children:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
