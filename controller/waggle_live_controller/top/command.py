"""The command line of ``waggle-live-top``. ``waggle-live top`` runs it too."""

import argparse
import contextlib
import getpass
import json
import os
import sys
from typing import Any, Dict, List, Optional
from urllib.parse import urlsplit

from .. import (
    DEFAULT_TIMEOUT,
    ControllerError,
    Fleet,
    InvalidAddress,
    InvalidCredentials,
    Node,
    NodeError,
    NodeRefused,
    __version__,
)
from .document import document
from .view_options import ORDERS, PASSWORD_VARIABLE, ViewOptions

DEFAULT_URL = "http://127.0.0.1:9090"
INSTALL = (
    "top needs the package rich: pip install 'waggle-live-controller[top]', "
    "or './controller[top]' in a clone"
)
#: Seconds after a node's timeout until ``--once`` gives it up.
GRACE = 0.5
#: The table of ``--help``, and of docs/reference/top.md.
KEYS = """keys:
  q                     end
  up, down, k, j        scroll by a line
  PgUp, PgDn, space     scroll by a page
  Home, End             show the beginning, the end
  s                     sort by the next column
  / TEXT Enter          show only names with TEXT; Esc shows all
  f                     fold: show each plugin in one line
with --control.token-file:
  n, p                  choose the next, the previous knob
  +, -                  hold the next, the previous value of the knob
  x                     let the knob go
  o                     profile the knob's plugin for 30 s
"""


def main(arguments: Optional[List[str]] = None, program: str = "waggle-live-top") -> int:
    """Run the command, called as ``program``. Return its exit status.

    That is 0 after q or Ctrl-C, 1 if a node fails with ``--once`` or output can't be written, and 2
    for a usage error. On a terminal SIGTERM, SIGHUP and SIGQUIT raise SystemExit with 128 plus
    their number.
    """
    parser = _parser(program)
    options = parser.parse_args(arguments)
    if options.json and (not options.once or options.sort != "name"):
        parser.error("--json needs --once, and can't be used with --sort")
    try:
        with contextlib.suppress(KeyboardInterrupt):
            return _show(_nodes(options), options)
    except ImportError:
        parser.exit(2, "%s: %s\n" % (program, INSTALL))
    except ControllerError as error:
        parser.exit(2, "%s: %s\n" % (program, error))
    except OSError as error:
        # The interpreter flushes at exit, which must not fail too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # it is fine if the reader of a pipe leaves
            parser.exit(1, "%s: can't write the output: %s\n" % (program, error.strerror))
    return 0


def _show(nodes: List[Node], options: argparse.Namespace) -> int:
    if options.json:
        with Fleet(nodes) as fleet:
            polled = fleet.poll(options.timeout + GRACE)
        whole = document([node.url for node in nodes], polled, options.filter)
        print(json.dumps(whole), flush=True)
        return 1 if polled.errors else 0

    from rich.console import Console

    from .desk import Desk
    from .loop import Top

    view = ViewOptions(options.sort, options.filter, options.fold)
    with Fleet(nodes) as fleet:
        # rich writes colours to a terminal without TERM. That may not have any.
        coloured = os.environ.get("TERM") or os.environ.get("FORCE_COLOR")
        colours: Any = "auto" if coloured else None
        top = Top(
            fleet=fleet,
            console=Console(color_system=colours),
            interval=options.interval,
            options=view,
            desk=Desk(nodes, may_set=options.token_file is not None),
        )
        if options.once:
            return 0 if top.once(options.timeout + GRACE) else 1
        top.run(lambda: False)
    return 0


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Show the plugins of one or more nodes and what they measure, as it is now. "
        "Without a terminal, print a table every 5 s.",
        epilog=KEYS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "urls",
        nargs="*",
        metavar="URL",
        default=[DEFAULT_URL],
        help="address of a node's collector: a URL, HOST or HOST:PORT (default: %s)" % DEFAULT_URL,
    )
    add(
        "--once",
        action="store_true",
        help="print one table and end; the status is 1 if a node fails",
    )
    add(
        "--json",
        action="store_true",
        help="with --once: print one JSON document instead of the table",
    )
    add(
        "--interval",
        type=_seconds,
        default=1.0,
        metavar="SECONDS",
        help="time between two polls of a node (default: 1)",
    )
    add(
        "--timeout",
        type=_seconds,
        default=DEFAULT_TIMEOUT,
        metavar="SECONDS",
        help="time that a node has to answer (default: %(default)g)",
    )
    add(
        "--sort",
        choices=ORDERS,
        default="name",
        help="sort by this column, numbers from the largest down (default: %(default)s)",
    )
    add(
        "--filter",
        default="",
        metavar="TEXT",
        help="show only plugins and instruments with TEXT in their names, in any case",
    )
    add("--fold", action="store_true", help="show each plugin in one line, without instruments")
    add(
        "--ca-file",
        metavar="FILE",
        help="certificates of the authority that signs the collectors' (default: the system's)",
    )
    add("--cert-file", metavar="FILE", help="our own certificate, for collectors that want one")
    add("--key-file", metavar="FILE", help="the key of --cert-file, unless that contains it")
    add(
        "--user",
        metavar="NAME",
        help="user name for collectors with basic auth. The variable %s has the password; without "
        "it top asks at the terminal" % PASSWORD_VARIABLE,
    )
    add(
        "--control.token-file",
        dest="token_file",
        metavar="FILE",
        help="file with the collectors' control token: lets you set knobs and profile plugins",
    )
    add("--version", action="version", version="%(prog)s " + __version__, help="show the version")
    return parser


def _nodes(options: argparse.Namespace) -> List[Node]:
    """Return the nodes, and ask for a password if one needs it. Raises ControllerError."""
    for url in options.urls:
        _check_no_user(url)
    more: Dict[str, Any] = {
        name: getattr(options, name) for name in ("timeout", "ca_file", "cert_file", "key_file")
    }
    more["control_token"] = _token(options.token_file)
    user, password = options.user, os.environ.get(PASSWORD_VARIABLE)
    if user is not None and password is not None:
        more.update(username=user, password=password)
        return [Node(url, **more) for url in options.urls]
    nodes = [Node(url, **more) for url in options.urls]
    may_ask = sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()
    if user is not None and not may_ask:
        text = "--user needs the password: set the variable %s, or run top at a terminal"
        raise InvalidCredentials(text % PASSWORD_VARIABLE)
    wanting = _wanting_password(nodes) if may_ask else []
    if not wanting:
        return nodes
    where = wanting[0].url + (" and %d more" % (len(wanting) - 1) if len(wanting) > 1 else "")
    if user is None:
        sys.stderr.write("%s: user name: " % where)
        sys.stderr.flush()
        user = sys.stdin.readline().strip()
    try:
        password = getpass.getpass("%s: password of %s: " % (where, user))
    except EOFError:
        text = "no password was given: type it, or set the variable %s"
        raise InvalidCredentials(text % PASSWORD_VARIABLE) from None
    signed_in = {id(node) for node in wanting}
    return [
        Node(url, username=user, password=password, **more) if id(node) in signed_in else node
        for url, node in zip(options.urls, nodes)
    ]


def _wanting_password(nodes: List[Node]) -> List[Node]:
    """Return the nodes that answer 401: they need a password."""
    with Fleet([node.twin() for node in nodes]) as fleet:
        errors = fleet.poll(min(node.timeout for node in nodes)).errors
    return [
        node
        for node in nodes
        if isinstance(errors.get(node.url), NodeRefused) and _status(node) == 401
    ]


def _status(node: Node) -> int:
    try:
        with node.twin() as twin:
            return twin.order("GET", "plugins", {}).status
    except NodeError:
        return 0


def _check_no_user(url: str) -> None:
    """Raise InvalidAddress for a user in a URL. The message doesn't repeat the password."""
    try:
        parts = urlsplit(url if "://" in url else "//" + url)
    except ValueError:
        return  # Node raises a better error
    if "@" in parts.netloc:
        text = "remove user and password from the URL of %s, which is shown on the screen: use "
        text += "--user NAME, and the variable %s or type the password when top asks for it"
        raise InvalidAddress(text % (parts.netloc.rpartition("@")[2], PASSWORD_VARIABLE))


def _token(path: Optional[str]) -> Optional[str]:
    if path is None:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidCredentials("--control.token-file %s: %s" % (path, why)) from error


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 86400:
        rule = "must be seconds, more than 0 and less than 86400, not %r"
        raise argparse.ArgumentTypeError(rule % text)
    return value
