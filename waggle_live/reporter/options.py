"""Options of every command for the identity of a process and the address of its collector.

A command that starts a process passes them on in the environment.
"""

import argparse
import os
from typing import Dict

from .address import ENVIRONMENT_VARIABLE, parse


def parser() -> argparse.ArgumentParser:
    """Return the parent parser of each command."""
    made = argparse.ArgumentParser(add_help=False)
    made.add_argument("--plugin", help="the plugin's name, outside of the Waggle Edge Stack")
    made.add_argument("--task", help="its task, outside of the Waggle Edge Stack")
    made.add_argument("--job", help="its job, outside of the Waggle Edge Stack")
    made.add_argument("--address", help="the collector: unix:///path, tcp://host:port or off")
    return made


def environment(options: argparse.Namespace) -> Dict[str, str]:
    """Return this process's environment with the options put in.

    Raises InvalidAddress for a bad address, in the environment too.
    """
    changed = dict(os.environ)
    if options.address is not None:
        changed[ENVIRONMENT_VARIABLE] = options.address
    if changed.get(ENVIRONMENT_VARIABLE) or options.address is not None:
        parse(changed[ENVIRONMENT_VARIABLE])
    for name in ("plugin", "task", "job"):
        if getattr(options, name):
            changed["WAGGLE_LIVE_" + name.upper()] = getattr(options, name)
    return changed
