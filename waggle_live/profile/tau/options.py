"""The options of ``waggle-live tau-run`` and ``tau-watch``, without what the commands need."""

import argparse
import re
from typing import Any

#: Functions with a series of their own; as many as leave a process its other series.
DEFAULT_LIMIT = 50
MAX_LIMIT = 900
#: Seconds between two dumps.
DEFAULT_DUMP_INTERVAL = 2.0


def add_to(commands: Any) -> None:
    """Add the two commands to those of ``waggle-live``."""
    run = commands.add_parser(
        "tau-run",
        help="run a plugin under TAU and forward what its functions take",
        description="Run a plugin's script under TAU and forward, while it runs, which functions "
        "its time goes to. Needs TAU, built for the same Python: see docs/tau.md.",
        usage="waggle-live tau-run [options] -- app.py [ARGS...]",
    )
    _add_options(run)
    run.add_argument(
        "--tau.command",
        dest="tau_command",
        metavar="COMMAND",
        help='how to run a script under TAU, like "tau_python -T serial,pthread,python"',
    )
    run.add_argument(
        "--tau.interval",
        dest="interval",
        metavar="SECONDS",
        type=_interval,
        default=DEFAULT_DUMP_INTERVAL,
        help="time between two dumps (default: %(default)g)",
    )
    run.add_argument("script", help="the plugin's main script")
    run.add_argument("args", nargs=argparse.REMAINDER, help="the script's own arguments")
    run.set_defaults(main=_main)
    watch = commands.add_parser(
        "tau-watch",
        help="forward the profiles that programs under TAU write to a directory",
        description="Forward the profiles that programs of any language, run under TAU, write to "
        "a directory, until SIGINT or SIGTERM.",
        usage="waggle-live tau-watch [options] DIR",
    )
    _add_options(watch)
    watch.add_argument("directory", metavar="DIR", help="TAU's PROFILEDIR")
    watch.set_defaults(main=_main)


def _main(options: argparse.Namespace) -> int:
    """Run the command; what it needs is loaded only then."""
    from .commands import run

    return run(options)


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plugin", help="what the plugin is called, outside of the edge stack")
    parser.add_argument("--task", help="its task, outside of the edge stack")
    parser.add_argument("--job", help="its job, outside of the edge stack")
    parser.add_argument("--address", help="unix:///path, tcp://host:port or off")
    parser.add_argument(
        "--tau.functions",
        dest="functions",
        metavar="N",
        type=_limit,
        default=DEFAULT_LIMIT,
        help="functions that get a series of their own (default: %(default)d); the others are "
        "added up in __other__",
    )
    parser.add_argument(
        "--tau.include",
        dest="include",
        metavar="REGEX",
        type=_regex,
        help="only functions whose name it is found in get a series of their own",
    )


def _limit(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if not 0 < number <= MAX_LIMIT:
        raise argparse.ArgumentTypeError("must be 1 to %d, got %r" % (MAX_LIMIT, text))
    return number


def _interval(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.01 <= seconds <= 3600:
        raise argparse.ArgumentTypeError("must be 0.01 to 3600 seconds, got %r" % text)
    return seconds


def _regex(text: str) -> Any:
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError("no regular expression: %s" % error) from None
