"""The command ``waggle-live``."""

import argparse
import sys
from typing import List, Optional

from .profile.tau import options as tau
from .reporter import options as shared
from .run import command as run
from .version import VERSION
from .wire.errors import LiveMetricsError

NO_TOP = (
    "waggle-live: top is a package of its own: pip install 'waggle-live-controller[top]', "
    "or './controller[top]' in a clone"
)


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the command and return its exit status; ``run`` doesn't return, it becomes the plugin."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["top"]:
        return _top(arguments[1:])
    parser = argparse.ArgumentParser(
        prog="waggle-live", description="Live performance metrics of Waggle plugins."
    )
    parser.add_argument("--version", action="version", version="waggle-live " + VERSION)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    parent = shared.parser()
    run.add_to(commands, parent)
    commands.add_parser("top", help="show the plugins of some nodes and what they measure")
    tau.add_to(commands, parent)
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 2
    try:
        status: int = options.main(options)
    except LiveMetricsError as error:
        print("waggle-live: %s" % error, file=sys.stderr)
        return 2
    return status


def _top(arguments: List[str]) -> int:
    """Run ``top`` of the controller's distribution, or say how to install it."""
    try:
        from waggle_live_controller.top import command
    except ImportError:
        print(NO_TOP, file=sys.stderr)
        return 2
    return command.main(arguments, "waggle-live top")


if __name__ == "__main__":
    sys.exit(main())
