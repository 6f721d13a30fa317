"""Inside TAU's Python: runs a plugin's script and has TAU dump its profile while it runs.

A daemon thread calls ``pytau.dbDump`` every few seconds, with a prefix that no reader looks for. It
then moves the files to their places by ``os.replace``, so no reader ever sees half of one. (TAU can
also dump at a signal, but that hangs in programs with threads.)

``tau_python`` loses the exit status of what it runs, so that is left in a file. It also changes
variables and ``sys.path``; the program gets its own back. Only the standard library and TAU's
``pytau`` are imported, since this runs in the plugin. It has a directory of its own, which TAU puts
on the program's path.
"""

import atexit
import os
import runpy
import signal
import sys
import threading
import time
import traceback
from types import ModuleType
from typing import Any, Mapping, Optional

#: Files that are no profiles begin with a dot. Names of a dump that is being written:
PART = ".waggle-part"
#: Names of whole dumps.
DUMP = "dump"
#: The files with the program's pid and its exit status.
PID_FILE, STATUS_FILE = ".waggle-pid", ".waggle-status"
#: The file with the variables that the program has without TAU.
ENVIRON_FILE = ".waggle-environ"
#: The node in the names of forked children's files, to which TAU gives the parent's pid.
CHILD = 1_000_000
#: The exit status if ``pytau`` can't be imported.
NO_TAU = 127
#: Another SIGTERM within so many seconds is the same one.
SAME_SIGNAL = 1.0


def dump_until(stop: threading.Event, pytau: Any, directory: str, interval: float) -> None:
    """Dump every ``interval`` seconds until ``stop`` is set, and once more then.

    An error is printed once and never reaches the program.
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
    """Move the files of a dump to their places, those of several metrics too."""
    # No generator: TAU on Python 3.12 loses track when one is left early.
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        if name.startswith(PART + "."):
            os.replace(path, os.path.join(directory, DUMP + name[len(PART) :]))
        elif name.startswith("MULTI__"):
            publish(path)


def main() -> None:
    """Run ``sys.argv``: itself, the interval, a script or ``-m`` and a module, and arguments."""
    interval, is_module = float(sys.argv[1]), sys.argv[2] == "-m"
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
    measure_threads()  # from now on: the thread above isn't the program's
    if hasattr(os, "register_at_fork"):  # not on Python 3.6
        os.register_at_fork(after_in_child=lambda: pytau.setNode(CHILD))

    @atexit.register
    def end() -> None:
        if os.getpid() == pid:  # not a forked child, which has no such thread
            stop.set()
            thread.join(1.0)

    del sys.argv[: 3 if is_module else 2]
    restore(directory)
    status = run(sys.argv[0], is_module)
    if os.getpid() != pid:
        end_child(status)
    _write(directory, STATUS_FILE, status)
    raise SystemExit(status)


def measure_threads() -> None:
    """Have TAU measure all threads that start from now on.

    Up to Python 3.11 its hook belongs to one thread, and TAU sets only the main thread's. Threads
    that are started by ``_thread`` are not measured.
    """
    if sys.version_info >= (3, 12):
        return
    try:
        from ctau_impl import Profiler
    except ImportError:
        return
    plain = threading.Thread._bootstrap_inner  # type: ignore[attr-defined]

    def bootstrap(thread: threading.Thread) -> None:
        profiler = Profiler()
        profiler.enable()
        try:
            plain(thread)
        finally:
            profiler.disable()

    threading.Thread._bootstrap_inner = bootstrap  # type: ignore[attr-defined]


def restore(directory: str) -> None:
    """Restore the variables and the path of imports that the program has without TAU."""
    try:
        with open(os.path.join(directory, ENVIRON_FILE), "rb") as file:
            lines = file.read().split(b"\0")[:-1]
    except OSError:
        return
    ours = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environb.clear()
    for line in lines:
        variable, _, value = line.partition(b"=")
        os.environb[variable] = value
    kept = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    ours += ["", os.getcwd(), os.path.dirname(os.path.abspath(__file__))]
    absolute = {os.path.abspath(path) for path in ours} - {os.path.abspath(path) for path in kept}
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) not in absolute]


def run(name: str, is_module: bool) -> int:
    """Run a script or module as the main program. Returns its exit status.

    Prints its traceback if it raises.
    """
    module: Any = ModuleType("__main__")
    module.__builtins__ = __builtins__
    sys.modules["__main__"] = module
    try:
        if is_module:
            sys.path.insert(0, os.getcwd())
            runpy._run_module_as_main(name)  # type: ignore[attr-defined]
        else:
            module.__file__ = name
            sys.path.insert(0, os.path.dirname(os.path.abspath(name)))
            with open(name, "rb") as file:
                source = file.read()
            exec(compile(source, name, "exec"), module.__dict__)
    except SystemExit as error:
        return status_of(error)
    except BaseException as error:
        frames = error.__traceback__.tb_next if error.__traceback__ is not None else None
        traceback.print_exception(type(error), error, frames)
        return 128 + signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    return 0


def end_child(status: int) -> None:
    """End a forked child as the interpreter would, but not through TAU.

    TAU would lose its status, and write a profile in its parent's name.
    """
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def status_of(error: SystemExit) -> int:
    """Return the exit status that the interpreter would make of ``sys.exit``."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    print(error.code, file=sys.stderr)
    return 1


def read_number(directory: str, name: str) -> Optional[int]:
    """Return the number in the pid or status file; None while there is none."""
    try:
        with open(os.path.join(directory, name), encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


class _Terminate:
    """Ends the script as ``sys.exit`` would, once.

    systemd or a shell that stops a whole group sends SIGTERM to the program and to ``tau-run``,
    which passes it on. The second signal would cut short what the first one began.
    """

    def __init__(self) -> None:
        self._until = 0.0

    def __call__(self, signum: int, frame: Any) -> None:
        now = time.monotonic()
        if now >= self._until:
            self._until = now + SAME_SIGNAL
            raise SystemExit(128 + signum)


def write_environ(directory: str, environ: Mapping[str, str]) -> None:
    """Save the variables that the program is to have. Raises OSError."""
    with open(os.path.join(directory, ENVIRON_FILE), "wb") as file:
        for variable, value in environ.items():
            file.write(os.fsencode("%s=%s" % (variable, value)) + b"\0")


def _write(directory: str, name: str, number: int) -> None:
    path = os.path.join(directory, name)
    with open(path + ".part", "w", encoding="ascii") as file:
        file.write("%d" % number)
    os.replace(path + ".part", path)


if __name__ == "__main__":
    main()
