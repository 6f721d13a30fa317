"""The options of ``waggle-live tau-run`` and ``tau-watch``, without what the commands need."""

import argparse
import re
from typing import Any, Callable

from ..places import DEFAULT_LIMIT

#: The largest limit: it leaves a process its other series.
MAX_LIMIT = 900
#: Seconds between two dumps.
DEFAULT_DUMP_INTERVAL = 2.0


def add_to(commands: Any, parent: argparse.ArgumentParser) -> None:
    """Add the two commands to those of ``waggle-live``; ``parent`` has the options all take."""
    both = argparse.ArgumentParser(add_help=False, parents=[parent])
    both.add_argument(
        "--tau.functions",
        dest="functions",
        metavar="N",
        type=_between(int, 1, MAX_LIMIT),
        default=DEFAULT_LIMIT,
        help="functions that get a series of their own (default: %(default)d); the others are "
        "added up in __other__",
    )
    both.add_argument(
        "--tau.include",
        dest="include",
        metavar="REGEX",
        type=_regex,
        help="only functions whose name it is found in get a series of their own",
    )
    run = commands.add_parser(
        "tau-run",
        parents=[both],
        help="run a plugin under TAU and forward what its functions take",
        description="Run a plugin's script under TAU and forward, while it runs, which functions "
        "its time goes to. Needs TAU, built for the same Python: see docs/guides/tau.md.",
        usage="waggle-live tau-run [options] -- [PYTHON] app.py|-m MODULE [ARGS...]",
    )
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
        type=_between(float, 0.01, 3600),
        default=DEFAULT_DUMP_INTERVAL,
        help="time between two dumps (default: %(default)g)",
    )
    run.add_argument(
        "--python",
        metavar="PATH",
        help="the interpreter, if it is another one than this command's; TAU must be built for "
        "its version",
    )
    run.add_argument("script", help="the plugin's main script, -m MODULE, or a python to run it")
    run.add_argument("args", nargs=argparse.REMAINDER, help="the script's own arguments")
    run.set_defaults(main=_main)
    watch = commands.add_parser(
        "tau-watch",
        parents=[both],
        help="forward the profiles that programs under TAU write to a directory",
        description="Forward the profiles that programs of any language, run under TAU, write to "
        "a directory, until SIGINT or SIGTERM.",
        usage="waggle-live tau-watch [options] DIR",
    )
    watch.add_argument("directory", metavar="DIR", help="TAU's PROFILEDIR")
    watch.set_defaults(main=_main)


def _main(options: argparse.Namespace) -> int:
    """Run the command; what it needs is loaded only then."""
    from .commands import tau_run, tau_watch

    return tau_run(options) if options.command == "tau-run" else tau_watch(options)


def _between(convert: Callable[[str], Any], low: float, high: float) -> Callable[[str], Any]:
    """Return what takes a number of these bounds from the command line."""

    def parse(text: str) -> Any:
        try:
            number = convert(text)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise argparse.ArgumentTypeError("must be %g to %g, got %r" % (low, high, text))
        return number

    return parse


def _regex(text: str) -> Any:
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError("no regular expression: %s" % error) from None
