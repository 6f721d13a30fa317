"""Wires the collector: binds, announces, serves, drains on SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import signal
import socket
import sys

from aiohttp import web

from . import identity, logs
from .api import Api
from .basic_auth import BasicAuth
from .clock import Clock
from .conversation import Conversation, Wire
from .exposition import Exposition
from .http_guard import HttpGuard
from .http_listener import HttpListener
from .http_metrics import HttpMetrics
from .listener import Listener
from .options import Options, parse
from .own_metrics import OwnMetrics
from .readiness import Readiness
from .sessions import Sessions
from .state_file import NoStateFile, StateFile
from .table import Table
from .unix_socket import SocketError, SocketTaken, UnixSocket
from .version import VERSION
from .web import Web
from .web_config import NoWebConfig, WebConfigFile
from .yaml_section import WebConfigError

log = logging.getLogger("waggle_live_collector")

#: Seconds between two looks at what is over its time, and at whether to write the state.
TICK_SECONDS = 1.0
#: Seconds that answers under way may take when the collector ends.
HTTP_SHUTDOWN_SECONDS = 0.5


def main() -> None:
    """Run the collector until SIGTERM or SIGINT; exit status 1 if it can't start."""
    options = parse(sys.argv[1:])
    logs.start(options.log_level, options.log_format)
    _raise_descriptor_limit()
    try:
        asyncio.run(run(options))
    except (SocketError, WebConfigError) as error:
        log.error("%s", error)
        sys.exit(1)


async def run(options: Options) -> None:
    """Serve until a signal comes; raises SocketError if an address can't be had.

    Raises WebConfigError before any address is taken: the port is never open unprotected.
    """
    clock = Clock()
    web_config: WebConfigFile | NoWebConfig = NoWebConfig()
    if options.web_config_file is not None:
        web_config = WebConfigFile(options.web_config_file, clock=clock)
    own = OwnMetrics()
    table = Table(limits=options.limits, hold_time=options.hold_time)
    sessions = Sessions(
        table=table,
        identify=identity.from_hello,
        clock=clock,
        limits=options.limits,
        hold_time=options.hold_time,
    )
    own.watch(sessions, table)
    state: StateFile | NoStateFile = NoStateFile()
    if options.state_file is not None:
        state = StateFile(options.state_file, table=table, sessions=sessions, own=own, clock=clock)
    readiness = Readiness(sessions=sessions, clock=clock)

    def make_conversation(wire: Wire) -> Conversation:
        return Conversation(
            wire=wire, sessions=sessions, when_saved=state.when_saved, own=own, clock=clock
        )

    listener = Listener(
        make_conversation=make_conversation,
        own=own,
        clock=clock,
        connections_per_second=options.limits.connections_per_second,
    )
    node = _node()
    exposition = Exposition(table=table, own=own, clock=clock, node=node)
    site = Web(
        exposition=exposition,
        api=Api(table=table, clock=clock, node=node),
        readiness=readiness,
        state=state,
        telemetry_path=options.telemetry_path,
    )

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    http = _bind_http(options)
    unix = UnixSocket(options.socket_path, mode=options.socket_mode, gid=options.socket_gid)
    plugins = unix.bind()
    # Read only now: two collectors with one state file have one socket, too.
    readiness.begin(state_loaded=state.load())
    http_metrics = HttpMetrics(own.registry)
    guard = HttpGuard(current=web_config.current, auth=BasicAuth(), metrics=http_metrics)
    runner = web.AppRunner(
        site.application(guard.middleware),
        access_log=None,
        shutdown_timeout=HTTP_SHUTDOWN_SECONDS,
    )
    await runner.setup()
    assert runner.server is not None
    http_listener = HttpListener(
        make=runner.server, current=web_config.current, metrics=http_metrics, clock=clock
    )
    http_listener.start(http)
    listener.start(plugins)
    host, port = http.getsockname()[:2]
    log.info("ready: version=%s http=%s:%d socket=%s", VERSION, host, port, options.socket_path)

    complaint = ""
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), TICK_SECONDS)
        sessions.sweep()
        listener.sweep()
        http_listener.sweep()
        complaint = await _keep_socket(unix, listener, complaint)
        state.save()

    log.info("stopping")
    unix.unlink()
    await listener.stop()
    # Written while the sessions still count as connected: they are awaited after a restart.
    state.save()
    await http_listener.stop()
    await runner.cleanup()
    listener.abort()


async def _keep_socket(unix: UnixSocket, listener: Listener, complaint: str) -> str:
    """Make the socket file anew if somebody removed it or its directory; nobody is cut off.

    Returns why that failed, and logs it unless it is the ``complaint`` of the last time.
    Raises SocketTaken if another collector has it now: two must not write one state file.
    """
    if not unix.is_lost():
        return ""
    try:
        plugins = unix.bind()
    except SocketTaken:
        raise
    except SocketError as error:
        if str(error) != complaint:
            log.error("the socket file is gone, and no new plugin can report: %s", error)
        return str(error)
    await listener.replace(plugins)
    log.warning("the socket file was gone; made anew: %s", unix.path)
    return ""


def _bind_http(options: Options) -> socket.socket:
    """Return a listening socket on the address of ``--web.listen-address``."""
    host, port = options.host, options.port
    try:
        family = socket.AF_INET6 if host is None and socket.has_dualstack_ipv6() else None
        if family is not None:
            return socket.create_server(("", port), family=family, dualstack_ipv6=True)
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return socket.create_server(found[0][4][:2], family=found[0][0], backlog=512)
    except OSError as error:
        raise SocketError(
            f"can't serve HTTP on {host or ''}:{port}: {error.strerror or error}; "
            "stop what has it, or choose another --web.listen-address"
        ) from error


def _node() -> dict[str, str]:
    return {
        "node_id": os.environ.get("WAGGLE_NODE_ID", ""),
        "vsn": os.environ.get("WAGGLE_NODE_VSN", ""),
    }


def _raise_descriptor_limit() -> None:
    """Take as many descriptors as we may: each plugin process holds one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    log.debug("descriptors: %d, at most %d", soft, hard)


if __name__ == "__main__":
    main()
