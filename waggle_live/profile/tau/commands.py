"""``waggle-live tau-run`` and ``waggle-live tau-watch``."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from typing import Any, Callable, Dict, List, Optional

from ...reporter.address import ENVIRONMENT_VARIABLE, Addresses
from ...reporter.identity import find_identity
from ...reporter.options import environment
from ...wire.errors import LiveMetricsError
from .directory import Directory, Reading
from .forwarder import ForwardedRun, Forwarder
from .functions import Functions
from .program import parse, tau_command
from .start import waggle_live_tau_start as launcher

#: Seconds between two readings of the directory.
POLL_INTERVAL = 0.25
#: The longest time that the end waits for the collector, in seconds.
EXIT_TIMEOUT = 0.5

_PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
#: Signals that a terminal itself sends to all of its programs.
_OF_THE_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
NO_TAU = """\
waggle-live: TAU is not installed here: neither tau_python nor tau_exec is on the PATH.
It is in no package index; it is built into the plugin's image, against that image's Python.
docs/guides/tau.md, in the repository of Waggle Live, says how."""


def tau_run(options: argparse.Namespace) -> int:
    """Run a script under TAU. Returns its exit status, or 128 + n if signal n ended it.

    Raises InvalidAddress, and LiveMetricsError if there is no such program.
    """
    program = parse([options.script, *options.args], options.python)
    command = tau_command(options.tau_command, program)
    if command is None:
        print(NO_TAU, file=sys.stderr)
        return 127
    command += [launcher.__file__, "%g" % options.interval, *(["-m"] if program.is_module else [])]
    command += [program.name, *program.arguments]
    directory = tempfile.mkdtemp(prefix="waggle-live-tau-")
    try:
        forwarder = _forwarder(directory, options, program.script)
        try:
            environ = _environ(environment(options), directory)
            status = _run(command, environ, directory, forwarder.poll)
        except OSError as error:
            print("waggle-live: can't run %s: %s" % (command[0], error.strerror), file=sys.stderr)
            return 127
        forwarder.poll(final=True)
        forwarder.close("ok" if status == 0 else "error", EXIT_TIMEOUT)
        return status
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def tau_watch(options: argparse.Namespace) -> int:
    """Forward the profiles in a directory until a signal. Returns 0.

    Raises InvalidAddress, and LiveMetricsError if there is no such directory.
    """
    if not os.path.isdir(options.directory):
        raise LiveMetricsError("no such directory: %s" % options.directory)
    forwarder = _forwarder(options.directory, options, None)
    signals: List[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        # Only noted: a handler that sets an Event can deadlock with the wait that it interrupts.
        signal.signal(number, lambda number, frame: signals.append(number))
    while not signals:
        forwarder.poll()
        time.sleep(POLL_INTERVAL)
    forwarder.poll()
    forwarder.close("ok", EXIT_TIMEOUT)
    return 0


def _environ(plain: Dict[str, str], directory: str) -> Dict[str, str]:
    """Return the environment for TAU. The plain one is saved for the program."""
    launcher.write_environ(directory, plain)
    # TAU writes other forms only at a program's end.
    environ = dict(plain, PROFILEDIR=directory, TAU_PROFILE_FORMAT="profile")
    if not plain.get("LC_ALL"):
        # TAU's script sets LANG=C, which would change the encoding of the program's stdout.
        encoding = plain.get("LC_CTYPE") or plain.get("LANG")
        if encoding:
            environ["LC_CTYPE"] = encoding
    return environ


def _run(
    command: List[str], environ: Dict[str, str], directory: str, poll: Callable[[], None]
) -> int:
    """Run a command, pass signals on to it, and poll until it ends.

    Returns its exit status, which TAU's command may have lost, or 128 + n after signal n. Raises
    OSError if it can't be started.
    """
    started: "List[subprocess.Popen[bytes]]" = []
    early: List[int] = []

    def pass_on(number: int, frame: Any = None) -> None:
        if not started:
            early.append(number)
        else:
            # The program itself: TAU's command may be a shell that waits for it.
            pid = launcher.read_number(directory, launcher.PID_FILE)
            if pid is None and started[0].returncode is None:
                pid = started[0].pid
            if pid is not None and _is_running(pid):
                os.kill(pid, number)

    def leave(number: int, frame: Any) -> None:
        """Leave the signal to the program, to which the terminal sends it too."""

    for number in _PASSED_ON:
        signal.signal(number, pass_on)
    for number in _OF_THE_TERMINAL:
        # Not SIG_IGN, which the program would inherit.
        signal.signal(number, leave if os.isatty(0) else pass_on)
    child = subprocess.Popen(command, env=environ)
    started.append(child)
    for missed in early:
        pass_on(missed)
    while child.returncode is None:
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=POLL_INTERVAL)
        poll()
    # A signal to the whole group ends a shell at once, but the program only when it is ready.
    program = launcher.read_number(directory, launcher.PID_FILE)
    while program is not None and _is_running(program):
        time.sleep(POLL_INTERVAL)
        poll()
    status = launcher.read_number(directory, launcher.STATUS_FILE)
    if status is None:
        status = child.returncode if child.returncode >= 0 else 128 - child.returncode
    return status


def _is_running(pid: int) -> bool:
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            return file.read().rpartition(b") ")[2][:1] not in (b"Z", b"X", b"")
    except OSError:
        return False


def _forwarder(directory: str, options: argparse.Namespace, script: Optional[str]) -> Forwarder:
    addresses = Addresses(environment(options).get(ENVIRONMENT_VARIABLE), os.environ)

    def begin(reading: Reading) -> ForwardedRun:
        main = script_of(reading.profile.command) if script is None else script
        given = options.plugin, options.task, options.job
        identity = find_identity(*given, None, os.environ, script=main)
        functions = Functions(options.functions, options.include)
        return ForwardedRun(reading.run, identity, functions, addresses.candidates)

    return Forwarder(Directory(directory), begin)


def script_of(command: str) -> str:
    """Return the script that a command line runs, else its program."""
    words = command.split() or [""]
    return next((word for word in words[1:] if word.endswith(".py")), words[0])
