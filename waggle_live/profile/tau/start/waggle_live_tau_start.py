"""Inside TAU's Python: runs a plugin's script and has TAU dump its profile while it runs.

A daemon thread calls ``pytau.dbDump`` every few seconds, with a prefix that nobody reads, and puts
what was written in its place by ``os.replace``: so no reader ever sees half of it. (TAU can also
dump at a signal, but that hangs in programs with threads.)

``tau_python`` forgets the exit status of what it runs, so it is left in a file. It also changes
variables and ``sys.path``: the program gets its own back. Nothing but the
standard library and TAU's ``pytau`` is imported here, since this runs in the plugin. It lies in a
directory of its own, for TAU puts that on the path of the program that it runs.
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

#: Files in the directory of profiles that are no profiles begin with a dot. What is being dumped:
PART = ".waggle-part"
#: What is dumped.
DUMP = "dump"
#: The pid of the program, and its exit status.
PID_FILE, STATUS_FILE = ".waggle-pid", ".waggle-status"
#: The variables that the program has without TAU.
ENVIRON_FILE = ".waggle-environ"
#: The node in the names of what forked children write: TAU gives them their parent's pid.
CHILD = 1_000_000
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
    # No generator: TAU on Python 3.12 loses its place when one is left.
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
    measure_threads()  # from now on: the one above is none of the program's
    if hasattr(os, "register_at_fork"):  # not on Python 3.6
        os.register_at_fork(after_in_child=lambda: pytau.setNode(CHILD))

    @atexit.register
    def end() -> None:
        if os.getpid() == pid:  # no forked child, which has no such thread
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

    Up to Python 3.11 its hook is a thread's own, and it sets that of the main thread alone. Threads
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
    """Give the program the variables and the path of imports that it has without TAU."""
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
    """Run a script or module as the main program and return its exit status; its traceback is
    printed."""
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
    """End a forked child as the interpreter would, but not through TAU, which forgets the status
    and writes a profile in its parent's name."""
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


def write_environ(directory: str, environ: Mapping[str, str]) -> None:
    """Leave the variables that the program is to have; raises OSError."""
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
