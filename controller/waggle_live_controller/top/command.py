"""The command line of ``waggle-live-top``, which ``waggle-live top`` hands over to."""

import argparse
import contextlib
import io
import os
import sys
from typing import TYPE_CHECKING, List, Optional

from ..errors import ControllerError
from ..version import VERSION
from .view_options import ORDERS, ViewOptions

if TYPE_CHECKING:
    import rich.console

    from .. import Fleet, Node

DEFAULT_TIMEOUT = 2.0
DEFAULT_URL = "http://127.0.0.1:9090"
PASSWORD_VARIABLE = "WAGGLE_LIVE_PASSWORD"
INSTALL = "top needs the package rich: pip install 'waggle-live-controller[top]'"


def main(arguments: Optional[List[str]] = None, program: str = "waggle-live-top") -> int:
    """Run the command, which is called ``program``; returns its exit status."""
    return _run(_parser(program).parse_args(arguments), program)


def _parser(program: str) -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog=program,
        description="Show the plugins of some nodes and what they measure, as it is now. Keys: "
        "q ends it, s sorts by the next column, / filters, arrows scroll. Without a terminal a "
        "table is printed every 5 s.",
    )
    top.add_argument(
        "urls", nargs="*", metavar="URL", default=[DEFAULT_URL], help="default: " + DEFAULT_URL
    )
    top.add_argument("--once", action="store_true", help="print one table; fails if a node does")
    top.add_argument("--interval", type=_seconds, default=1.0, help="seconds (default: 1)")
    top.add_argument(
        "--timeout", type=_seconds, default=DEFAULT_TIMEOUT, help="seconds (default: %(default)g)"
    )
    top.add_argument("--sort", choices=ORDERS, default="name", help="default: %(default)s")
    top.add_argument("--filter", default="", metavar="TEXT", help="a part of a name")
    top.add_argument("--ca-file", help="who signs the collectors' certificates")
    top.add_argument("--cert-file", help="our own certificate")
    top.add_argument("--key-file", help="its key")
    top.add_argument(
        "--user", help="user name; the password is in the variable " + PASSWORD_VARIABLE
    )
    top.add_argument("--version", action="version", version="%(prog)s " + VERSION)
    return top


def _run(options: argparse.Namespace, program: str) -> int:
    try:
        from rich.console import Console
    except ImportError:
        print("%s: %s" % (program, INSTALL), file=sys.stderr)
        return 2
    from .. import Fleet

    _write_what_can_be_written()
    try:
        fleet = Fleet(_nodes(options))
    except (ControllerError, ValueError) as error:
        print("%s: %s" % (program, error), file=sys.stderr)
        return 2
    with fleet, contextlib.suppress(KeyboardInterrupt):
        try:
            return _show(options, fleet, Console())
        except BrokenPipeError:
            # Whoever read it has had enough; the interpreter must not stumble over it again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _write_what_can_be_written() -> None:
    """See to it that a letter which the terminal doesn't know becomes a ``?`` and no error."""
    if hasattr(sys.stdout, "reconfigure"):  # from 3.7 on
        sys.stdout.reconfigure(errors="replace")
    elif hasattr(sys.stdout, "buffer"):
        sys.stdout = io.TextIOWrapper(
            sys.stdout.buffer, sys.stdout.encoding, "replace", line_buffering=True
        )


def _show(options: argparse.Namespace, fleet: "Fleet", console: "rich.console.Console") -> int:
    from .loop import Top

    view_options = ViewOptions(options.sort, options.filter)
    top = Top(fleet=fleet, console=console, interval=options.interval, options=view_options)
    if options.once:
        return 0 if top.once(options.timeout + 0.5) else 1
    top.run(lambda: False)
    return 0


def _nodes(options: argparse.Namespace) -> "List[Node]":
    from .. import Node

    password = None
    if options.user is not None:
        password = os.environ.get(PASSWORD_VARIABLE)
        if password is None:
            raise ValueError("--user needs the password in the variable " + PASSWORD_VARIABLE)
    return [
        Node(
            url if "://" in url else _whole(url),
            timeout=options.timeout,
            ca_file=options.ca_file,
            cert_file=options.cert_file,
            key_file=options.key_file,
            username=options.user,
            password=password,
        )
        for url in options.urls
    ]


def _whole(name: str) -> str:
    """Return the URL that ``host`` or ``host:port`` is short for."""
    port = name.rpartition("]")[2]
    return "http://" + (name if ":" in port else name + ":9090")


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < 86400:
        raise argparse.ArgumentTypeError("must be more than 0 s and less than a day")
    return value
