"""The options of ``waggle-live tau-run`` and ``tau-watch``. Loads nothing else."""

import argparse
import re
from typing import Any, Callable

from ..places import DEFAULT_LIMIT

#: The largest limit: it leaves room for the other series of a process.
MAX_LIMIT = 900
#: Seconds between two dumps.
DEFAULT_DUMP_INTERVAL = 2.0


def add_to(commands: Any, parent: argparse.ArgumentParser) -> None:
    """Add the two commands to ``waggle-live``. ``parent`` has the options of all commands."""
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
        help="only functions whose name matches REGEX anywhere get a series of their own",
    )
    run = commands.add_parser(
        "tau-run",
        parents=[both],
        help="run a plugin under TAU and forward the time of its functions",
        description="Run a plugin's script under TAU. While it runs, forward the time of its "
        "functions. Needs TAU, built for the same Python: see docs/guides/tau.md.",
        usage="waggle-live tau-run [options] -- [PYTHON] app.py|-m MODULE [ARGS...]",
    )
    run.add_argument(
        "--tau.command",
        dest="tau_command",
        metavar="COMMAND",
        help='the command to run a script under TAU, like "tau_python -T serial,pthread,python"',
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
        help="the interpreter (default: that of this command); TAU must be built for its version",
    )
    run.add_argument("script", help="the plugin's main script, -m MODULE, or a python to run it")
    run.add_argument("args", nargs=argparse.REMAINDER, help="the script's own arguments")
    run.set_defaults(main=_main)
    watch = commands.add_parser(
        "tau-watch",
        parents=[both],
        help="forward the profiles that programs under TAU write to a directory",
        description="Forward the profiles that programs under TAU write to a directory. The "
        "programs may be in any language. Ends at SIGINT or SIGTERM.",
        usage="waggle-live tau-watch [options] DIR",
    )
    watch.add_argument(
        "directory", metavar="DIR", help="the directory in TAU's variable PROFILEDIR"
    )
    watch.set_defaults(main=_main)


def _main(options: argparse.Namespace) -> int:
    """Run the command. Only then load what it needs."""
    from .commands import tau_run, tau_watch

    return tau_run(options) if options.command == "tau-run" else tau_watch(options)


def _between(convert: Callable[[str], Any], low: float, high: float) -> Callable[[str], Any]:
    """Return a parser of numbers within these bounds, for argparse."""

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
        raise argparse.ArgumentTypeError("not a regular expression: %s" % error) from None
