"""Inside TAU's Python: runs a plugin's script and has TAU dump its profile while it runs.

A daemon thread calls ``pytau.dbDump`` every few seconds, with a prefix that nobody reads, and puts
what was written in its place by ``os.replace``: so no reader ever sees half of it. (TAU can also
dump at a signal, but that hangs in programs with threads.)

``tau_python`` forgets the exit status of what it runs, so it is left in a file. Nothing but the
standard library and TAU's ``pytau`` is imported here, since this runs in the plugin. It lies in a
directory of its own, for TAU puts that on the path of the program that it runs.
"""

import atexit
import os
import signal
import sys
import threading
import time
import traceback
from types import ModuleType
from typing import Any, Optional

#: Files in the directory of profiles that are no profiles begin with a dot. What is being dumped:
PART = ".waggle-part"
#: What is dumped.
DUMP = "dump"
#: The pid of the program, and its exit status.
PID_FILE, STATUS_FILE = ".waggle-pid", ".waggle-status"
#: Exit status where ``pytau`` can't be imported.
NO_TAU = 127
#: Seconds in which another SIGTERM is the same one.
SAME_SIGNAL = 1.0


def dump_until(stop: threading.Event, pytau: Any, directory: str, interval: float) -> None:
    """Dump every ``interval`` seconds until ``stop`` is set, and once more then.

    What goes wrong is said once and never reaches the program.
    """
    failed = False
    while True:
        is_last = stop.wait(interval)
        try:
            pytau.dbDump(PART)
            publish(directory)
        except Exception as error:
            if not failed:
                print("waggle-live: TAU's dump failed: %s" % error, file=sys.stderr)
            failed = True
        if is_last:
            return


def publish(directory: str) -> None:
    """Put the files of a dump in their places, those of several metrics too."""
    for where, _, names in os.walk(directory):
        for name in names:
            if name.startswith(PART + "."):
                target = DUMP + name[len(PART) :]
                os.replace(os.path.join(where, name), os.path.join(where, target))


def main() -> None:
    """Run ``sys.argv``: itself, the interval, the script and its arguments."""
    interval, script = float(sys.argv[1]), sys.argv[2]
    directory = os.environ.get("PROFILEDIR", ".")
    _write(directory, PID_FILE, os.getpid())
    try:
        import pytau
    except ImportError as error:
        print("waggle-live: TAU's Python module can't be imported: %s" % error, file=sys.stderr)
        _write(directory, STATUS_FILE, NO_TAU)
        raise SystemExit(NO_TAU) from None
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _Terminate())
    pid, stop = os.getpid(), threading.Event()
    arguments = (stop, pytau, directory, interval)
    thread = threading.Thread(
        target=dump_until, args=arguments, name="waggle-live-tau", daemon=True
    )
    thread.start()

    @atexit.register
    def end() -> None:
        if os.getpid() == pid:  # no forked child, which has no such thread
            stop.set()
            thread.join(1.0)

    sys.argv[:] = sys.argv[2:]
    status = run(script)
    if os.getpid() == pid:
        _write(directory, STATUS_FILE, status)
    raise SystemExit(status)


def run(script: str) -> int:
    """Run a script as the main program and return its exit status; its traceback is printed."""
    module: Any = ModuleType("__main__")
    module.__file__ = script
    module.__builtins__ = __builtins__
    sys.modules["__main__"] = module
    sys.path.insert(0, os.path.dirname(os.path.abspath(script)))
    try:
        with open(script, "rb") as file:
            source = file.read()
        exec(compile(source, script, "exec"), module.__dict__)
    except SystemExit as error:
        return status_of(error)
    except BaseException as error:
        frames = error.__traceback__.tb_next if error.__traceback__ is not None else None
        traceback.print_exception(type(error), error, frames)
        return 128 + signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    return 0


def status_of(error: SystemExit) -> int:
    """Return the exit status that the interpreter would make of ``sys.exit``."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    print(error.code, file=sys.stderr)
    return 1


def read_number(directory: str, name: str) -> Optional[int]:
    """Return what is in the pid or status file; None while there is none."""
    try:
        with open(os.path.join(directory, name), encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


class _Terminate:
    """Ends the script as ``sys.exit`` would, once.

    Who stops a whole group of processes (systemd, a shell) sends SIGTERM to the program and to
    ``tau-run``, which passes it on: the second would cut short what the first one began.
    """

    def __init__(self) -> None:
        self._until = 0.0

    def __call__(self, signum: int, frame: Any) -> None:
        now = time.monotonic()
        if now >= self._until:
            self._until = now + SAME_SIGNAL
            raise SystemExit(128 + signum)


def _write(directory: str, name: str, number: int) -> None:
    path = os.path.join(directory, name)
    with open(path + ".part", "w", encoding="ascii") as file:
        file.write("%d" % number)
    os.replace(path + ".part", path)


if __name__ == "__main__":
    main()
