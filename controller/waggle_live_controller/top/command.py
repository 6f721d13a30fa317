"""The command line of ``waggle-live-top``, which ``waggle-live top`` hands over to."""

import argparse
import contextlib
import io
import os
import sys
from typing import List, Optional

from .. import DEFAULT_TIMEOUT, ControllerError, Fleet, InvalidCredentials, Node, __version__
from .view_options import ORDERS, ViewOptions

DEFAULT_URL = "http://127.0.0.1:9090"
PASSWORD_VARIABLE = "WAGGLE_LIVE_PASSWORD"
INSTALL = "top needs the package rich: pip install 'waggle-live-controller[top]'"


def main(arguments: Optional[List[str]] = None, program: str = "waggle-live-top") -> int:
    """Run the command, which was called as ``program``; returns its exit status.

    That is 0 after q or Ctrl-C, 1 if a node fails ``--once``, and 2 for an error of usage.
    """
    parser = _parser(program)
    options = parser.parse_args(arguments)
    try:
        from rich.console import Console

        from .desk import Desk
        from .loop import Top

        fleet = Fleet(_nodes(options))
    except ImportError:
        parser.exit(2, "%s: %s\n" % (program, INSTALL))
    except ControllerError as error:
        parser.exit(2, "%s: %s\n" % (program, error))
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A character that the terminal doesn't know becomes a "?" and no error.
        sys.stdout.reconfigure(errors="replace")
    view = ViewOptions(options.sort, options.filter)
    desk = Desk(fleet.nodes, may_set=options.token_file is not None)
    console = Console()
    top = Top(fleet=fleet, console=console, interval=options.interval, options=view, desk=desk)
    with fleet, contextlib.suppress(KeyboardInterrupt):
        try:
            if options.once:
                return 0 if top.once(options.timeout + 0.5) else 1
            top.run(lambda: False)
        except BrokenPipeError:
            # The reader has left; the interpreter's own flush must not fail as well.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Show the plugins of some nodes and what they measure, as it is now. Keys: "
        "q ends it, s sorts by the next column, / filters, arrows scroll. Without a terminal a "
        "table is printed every 5 s.",
    )
    add = parser.add_argument
    add("urls", nargs="*", metavar="URL", default=[DEFAULT_URL], help="default: " + DEFAULT_URL)
    add("--once", action="store_true", help="print one table; fails if a node does")
    add("--interval", type=_seconds, default=1.0, help="seconds (default: 1)")
    add("--timeout", type=_seconds, default=DEFAULT_TIMEOUT, help="seconds (default: %(default)g)")
    add("--sort", choices=ORDERS, default="name", help="default: %(default)s")
    add("--filter", default="", metavar="TEXT", help="a part of a name")
    add("--ca-file", help="who signs the collectors' certificates")
    add("--cert-file", help="our own certificate")
    add("--key-file", help="its key")
    add("--user", help="user name; the password is in the variable " + PASSWORD_VARIABLE)
    add(
        "--control.token-file",
        dest="token_file",
        metavar="FILE",
        help="whose content lets you set knobs and profile: n and p choose a knob, + and - set it, "
        "x lets it go, o profiles its plugin for 30 s",
    )
    add("--version", action="version", version="%(prog)s " + __version__)
    return parser


def _nodes(options: argparse.Namespace) -> List[Node]:
    credentials = {name: getattr(options, name) for name in ("ca_file", "cert_file", "key_file")}
    if options.user is not None:
        credentials.update(username=options.user, password=os.environ.get(PASSWORD_VARIABLE))
        if credentials["password"] is None:
            raise InvalidCredentials("--user needs the password in " + PASSWORD_VARIABLE)
    token = _token(options.token_file)
    return [
        Node(url, timeout=options.timeout, control_token=token, **credentials)
        for url in options.urls
    ]


def _token(path: Optional[str]) -> Optional[str]:
    if path is None:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except (OSError, ValueError) as error:
        raise InvalidCredentials("--control.token-file %s: %s" % (path, error)) from error


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < 86400:
        raise argparse.ArgumentTypeError("must be more than 0 s and less than a day")
    return value
