"""The options that say who a process is and where its collector is, for every command.

A command that starts a process hands them on in the environment.
"""

import argparse
import os
from typing import Dict

from .address import ENVIRONMENT_VARIABLE, parse


def parser() -> argparse.ArgumentParser:
    """Return the parent parser of each command."""
    made = argparse.ArgumentParser(add_help=False)
    made.add_argument("--plugin", help="what the plugin is called, outside of the edge stack")
    made.add_argument("--task", help="its task, outside of the edge stack")
    made.add_argument("--job", help="its job, outside of the edge stack")
    made.add_argument("--address", help="unix:///path, tcp://host:port or off")
    return made


def environment(options: argparse.Namespace) -> Dict[str, str]:
    """Return this process's environment with the options put in; raises InvalidAddress, for the
    address that stands in the environment already, too."""
    changed = dict(os.environ)
    if options.address is not None:
        changed[ENVIRONMENT_VARIABLE] = options.address
    if changed.get(ENVIRONMENT_VARIABLE) or options.address is not None:
        parse(changed[ENVIRONMENT_VARIABLE])
    for name in ("plugin", "task", "job"):
        if getattr(options, name):
            changed["WAGGLE_LIVE_" + name.upper()] = getattr(options, name)
    return changed
