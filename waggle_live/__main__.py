"""The command ``waggle-live``."""

import argparse
import os
import re
import shutil
import sys
from typing import Dict, List, Optional

from .address import ENVIRONMENT_VARIABLE, parse
from .errors import LiveMetricsError
from .tau.options import add_to as add_tau_commands
from .top import command as top
from .version import VERSION

_PYTHON = re.compile(r"python[\d.]*t?\Z")
_SCRIPTS = (".py", ".pyc", ".pyz", ".zip")


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the command; returns its exit status, unless it became the plugin (``run``)."""
    parser = argparse.ArgumentParser(
        prog="waggle-live", description="Live performance metrics of Waggle plugins."
    )
    parser.add_argument("--version", action="version", version="waggle-live " + VERSION)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    run = commands.add_parser(
        "run",
        help="run an unmodified plugin with live metrics",
        description="Run an unmodified plugin with live metrics: its Plugin, timeit, publish, "
        "upload_file, Camera and Microphone are measured, in its child processes too.",
        usage="waggle-live run [options] -- main.py|-m MODULE|COMMAND [ARGS...]",
    )
    run.add_argument("--plugin", help="what the plugin is called, outside of the edge stack")
    run.add_argument("--task", help="its task, outside of the edge stack")
    run.add_argument("--job", help="its job, outside of the edge stack")
    run.add_argument("--address", help="unix:///path, tcp://host:port or off")
    run.add_argument("script", help="the main script, options of python, or a command that runs it")
    run.add_argument("args", nargs=argparse.REMAINDER, help="the script's own arguments")
    top.add_to(commands)
    add_tau_commands(commands)
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 2
    if options.command == "top":
        return top.main(options)
    if options.command.startswith("tau-"):
        from .tau.commands import run as run_tau

        return run_tau(options)
    return _run(options)


def _run(options: argparse.Namespace) -> int:
    """Become the plugin: replaced by exec, so that its arguments, ``__main__``, tracebacks,
    signals and exit status are those of a plugin that runs alone."""
    try:
        environment = run_environment(os.environ, options)
    except LiveMetricsError as error:
        print("waggle-live: %s" % error, file=sys.stderr)
        return 2
    command = plugin_command(options.script, options.args)
    if command is None:
        print("waggle-live: no such script or command: %s" % options.script, file=sys.stderr)
        return 2
    if _PYTHON.match(os.path.basename(command[0])):
        option = _isolation(command[1:])
        if option:
            print(
                "waggle-live: python %s takes no notice of us: the plugin is not measured" % option,
                file=sys.stderr,
            )
    sys.stdout.flush()
    try:
        os.execvpe(command[0], command, environment)
    except OSError as error:
        print("waggle-live: can't run %s: %s" % (command[0], error.strerror), file=sys.stderr)
        return 127


def plugin_command(script: str, arguments: List[str]) -> Optional[List[str]]:
    """Return what to execute, None if there is no such thing.

    Scripts, directories and options (``-m module``) are for this Python. A python of the
    caller's choice, a program on the ``PATH`` and an executable that is no ``.py`` run as they are.
    """
    is_for_python = script.startswith("-") or os.path.isdir(script)
    if not is_for_python and os.path.exists(script):
        executable = os.access(script, os.X_OK) and not script.endswith(_SCRIPTS)
        if executable:  # with a slash, since it is looked for on the PATH without
            return [script if os.sep in script else os.path.join(os.curdir, script), *arguments]
        is_for_python = True
    if is_for_python:
        return [sys.executable, script, *arguments]
    return [script, *arguments] if shutil.which(script) else None


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


def run_environment(environ: "os._Environ[str]", options: argparse.Namespace) -> Dict[str, str]:
    """Return the environment of the plugin; raises InvalidAddress."""
    environment = dict(environ)
    if options.address is not None:
        parse(options.address)
        environment[ENVIRONMENT_VARIABLE] = options.address
    for name in ("plugin", "task", "job"):
        if getattr(options, name):
            environment["WAGGLE_LIVE_" + name.upper()] = getattr(options, name)
    autoload = os.path.join(os.path.dirname(os.path.abspath(__file__)), "autoload")
    paths = [autoload, environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return environment


if __name__ == "__main__":
    sys.exit(main())
