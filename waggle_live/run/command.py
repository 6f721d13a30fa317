"""``waggle-live run``: starts an unmodified plugin with live metrics."""

import argparse
import os
import re
import shutil
import sys
from typing import Any, Dict, List

from ..profile.sampler.sampler import OUTPUT_VARIABLE
from ..reporter import profiler
from ..reporter.options import environment
from ..wire.errors import LiveMetricsError
from ..wire.knobs import MAX_PROFILE_HZ
from .hooks import PACE_VARIABLE, START

_PYTHON = re.compile(r"python[\d.]*t?\Z")
_SCRIPTS = (".py", ".pyc", ".pyz", ".zip")


def add_to(commands: Any, parent: argparse.ArgumentParser) -> None:
    """Add the command to those of ``waggle-live``. ``parent`` has the options of all commands."""
    run = commands.add_parser(
        "run",
        parents=[parent],
        help="run an unmodified plugin with live metrics",
        description="Run an unmodified plugin with live metrics. Its timeit, publish, upload_file "
        "and get, cameras, microphones and models are measured, also in child processes.",
        usage="waggle-live run [options] -- main.py|-m MODULE|COMMAND [ARGS...]",
    )
    run.add_argument(
        "--pace",
        action="store_true",
        help="offer the knob camera.stream: it limits the frames per second of live cameras",
    )
    run.add_argument(
        "--profile",
        metavar="HZ",
        nargs="?",
        type=_rate,
        const=profiler.DEFAULT_RATE,
        help="find where the time goes, by HZ samples per second: 1 to %d (%d if HZ is left out)"
        % (MAX_PROFILE_HZ, profiler.DEFAULT_RATE),
    )
    run.add_argument(
        "--profile.output",
        dest="output",
        metavar="FILE",
        help="at the end, write the stacks to a file for flame graphs and speedscope",
    )
    run.add_argument("script", help="the main script, options of python, or a command that runs it")
    run.add_argument("args", nargs=argparse.REMAINDER, help="the script's own arguments")
    run.set_defaults(main=main)


def main(options: argparse.Namespace) -> int:
    """Become the plugin, by exec.

    Its arguments, ``__main__``, tracebacks, signals and exit status are those of a plugin that runs
    alone. Raises InvalidAddress, and LiveMetricsError if there is no such script or command.
    """
    changed = environment(options)
    if options.pace:
        changed[PACE_VARIABLE] = "on"
    changed.update(_profile(options))
    paths = [START, changed.get("PYTHONPATH", "")]
    changed["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    command = plugin_command(options.script, options.args)
    if _PYTHON.match(os.path.basename(command[0])):
        option = _isolation(command[1:])
        if option:
            print(
                "waggle-live: python %s takes no notice of us: the plugin is not measured" % option,
                file=sys.stderr,
            )
    sys.stdout.flush()
    try:
        os.execvpe(command[0], command, changed)
    except OSError as error:
        print("waggle-live: can't run %s: %s" % (command[0], error.strerror), file=sys.stderr)
        return 127


def _rate(text: str) -> int:
    try:
        return profiler.parse_rate(text)
    except LiveMetricsError as error:
        text = "%s; it is written --profile=HZ, or --profile -- main.py" % error
        raise argparse.ArgumentTypeError(text) from None


def _profile(options: argparse.Namespace) -> Dict[str, str]:
    """Return the variables that tell the plugin's process to profile itself."""
    told = {}
    if options.profile is not None or options.output:
        rate = profiler.DEFAULT_RATE if options.profile is None else options.profile
        told[profiler.ENVIRONMENT_VARIABLE] = str(rate)
    if options.output:
        path = os.path.abspath(options.output)
        told[OUTPUT_VARIABLE] = "%d:%s" % (os.getpid(), path)
        if not os.access(os.path.dirname(path), os.W_OK):
            text = "waggle-live: stacks can't be written to %s: no such directory, or not writable"
            print(text % path, file=sys.stderr)
    return told


def plugin_command(script: str, arguments: List[str]) -> List[str]:
    """Return the command to execute. Raises LiveMetricsError if there is no such thing.

    Scripts, directories and options (``-m module``) are run by this Python. Another python, a
    program on the ``PATH`` and an executable without ``.py`` run as they are.
    """
    is_for_python = script.startswith("-") or os.path.isdir(script)
    if not is_for_python and os.path.exists(script):
        executable = os.access(script, os.X_OK) and not script.endswith(_SCRIPTS)
        if executable:  # with a slash: without, the PATH would be searched
            return [script if os.sep in script else os.path.join(os.curdir, script), *arguments]
        is_for_python = True
    if is_for_python:
        return [sys.executable, script, *arguments]
    if shutil.which(script) is None:
        raise LiveMetricsError("no such script or command: %s" % script)
    return [script, *arguments]


def _isolation(arguments: List[str]) -> str:
    """Return the option by which Python ignores ``PYTHONPATH`` or ``sitecustomize``, if any."""
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("-") or argument == "-":
            break
        for letter in "" if argument.startswith("--") else argument[1:]:
            if letter in "EIS":
                return "-" + letter
            if letter in "cm":
                return ""
            if letter in "WX":
                if argument.endswith(letter):
                    next(rest, None)  # its value
                break
    return ""
