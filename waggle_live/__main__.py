"""The command ``waggle-live``."""

import argparse
import os
import re
import sys
from typing import Dict, List, Optional

from .address import ENVIRONMENT_VARIABLE, parse
from .errors import LiveMetricsError
from .tau.options import add_to as add_tau_commands
from .version import VERSION

_PYTHON = re.compile(r"python[\d.]*t?\Z")


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
        usage="waggle-live run [options] -- main.py [ARGS...]",
    )
    run.add_argument("--plugin", help="what the plugin is called, outside of the edge stack")
    run.add_argument("--task", help="its task, outside of the edge stack")
    run.add_argument("--job", help="its job, outside of the edge stack")
    run.add_argument("--address", help="unix:///path, tcp://host:port or off")
    run.add_argument("script", help="the plugin's main script, or a python to run it with")
    run.add_argument("args", nargs=argparse.REMAINDER, help="the script's own arguments")
    add_tau_commands(commands)
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 2
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
    command = [options.script, *options.args]
    if not _PYTHON.match(os.path.basename(options.script)):
        if not os.path.exists(options.script):
            print("waggle-live: no such script: %s" % options.script, file=sys.stderr)
            return 2
        command.insert(0, sys.executable)
    sys.stdout.flush()
    try:
        os.execvpe(command[0], command, environment)
    except OSError as error:
        print("waggle-live: can't run %s: %s" % (command[0], error.strerror), file=sys.stderr)
        return 127


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
