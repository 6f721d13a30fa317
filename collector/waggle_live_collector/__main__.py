"""Wires the collector: binds, announces, serves, drains on SIGTERM."""

import asyncio
import gc
import logging
import os
import socket
import sys
from collections.abc import Awaitable, Callable

from . import logs, memory
from .budget import DEFAULT_ANSWERS, Budget
from .clock import Clock
from .control.control import Control
from .exposition.changes import Changes
from .exposition.exposition import Exposition
from .exposition.json import Api
from .faults import Faults
from .history.history import History
from .history.json import HistoryApi
from .identity.admission import Admission
from .identity.app_meta import AppMetas
from .identity.lookups import AppMetaLookups
from .identity.node import node_labels
from .identity.token import TokenError, TokenFile
from .intake.listener import Listener
from .limits import raise_descriptor_limit
from .options import OFF, REQUIRE, Options, parse
from .own_metrics import OwnMetrics
from .signals import stop_signal
from .sockets.inherited import inherit
from .sockets.tcp import join, listen
from .sockets.unix import SocketError, UnixSocket, default_path
from .state.owned_file import StateFileError
from .state.snapshot import State
from .state.state_file import StateFile
from .table.processes import Processes
from .table.readiness import Readiness
from .table.sizes import Sizes
from .table.table import Table
from .upkeep import Upkeep
from .version import VERSION
from .web.config import OPEN, WebConfigFile
from .web.control_access import ControlAccess
from .web.control_routes import ControlRoutes
from .web.errors import WebConfigError
from .web.guard import HttpGuard
from .web.listener import HttpListener
from .web.page import Page
from .web.passwords import BasicAuth
from .web.routes import Routes

log = logging.getLogger("waggle_live_collector")


def main() -> None:
    """Run the collector of the command line until SIGTERM or SIGINT."""
    serve(parse(sys.argv[1:]))


def serve(options: Options) -> None:
    """Run a collector until SIGTERM or SIGINT; exit status 1 if it can't start."""
    lines = logs.start(options.log_level, options.log_format)
    raise_descriptor_limit()
    gc.freeze()  # imported objects stay; to scan them takes 20 ms in each full collection
    try:
        asyncio.run(run(options, lines))
    except (SocketError, StateFileError, TokenError, WebConfigError) as error:
        log.error("%s", error)
        sys.exit(1)
    except Exception:
        log.exception("ended by an internal error")
        sys.exit(1)


async def run(options: Options, lines: logs.Lines) -> None:
    """Serve until a signal comes.

    Raises SocketError if an address can't be used, and StateFileError if the state file can't.
    Raises WebConfigError or TokenError before any port is open, so that none is unprotected.
    """
    clock = Clock()
    config, token = options.web_config_file, options.tcp_token_file
    current = (lambda: OPEN) if config is None else WebConfigFile(config, clock=clock).current
    limits, own = options.limits, OwnMetrics()
    lines.count_lost = own.log_lines_lost.inc
    faults = Faults(own=own, clock=clock)
    faults.watch()
    apps = AppMetas(clock=clock)
    budget = Budget(memory.limit(limits.memory), answers=DEFAULT_ANSWERS)
    table = Table(limits=limits, budget=budget, hold_time=options.plugin_hold_time)
    processes = Processes(
        table=table,
        identify=Admission(
            verify=options.identity_verify,
            token=None if token is None else TokenFile(token),
            apps=apps if options.identity_app_meta_cache is not None else None,
            own=own,
            clock=clock,
        ),
        clock=clock,
    )
    own.registry.register(Sizes(processes, table))
    access = ControlAccess(options.control_token_file)
    control = Control(processes=processes, own=own, clock=clock, is_on=access.is_on)
    state = StateFile(
        path=options.state_file,
        table=table,
        processes=processes,
        control=control,
        own=own,
        faults=faults,
        clock=clock,
        prove=options.identity_verify != OFF,
    )

    stop = stop_signal()
    http = [
        listen(*address, to="serve HTTP", flag="web.listen-address")
        for address in options.web_listen_address
    ]
    unix = UnixSocket(
        options.socket_path or default_path(os.environ),
        mode=options.socket_mode,
        gid=options.socket_gid,
        inherited=inherit(os.environ),
    )
    plugins = unix.bind()
    # After the unix socket: a plugin that can use either should be proven there.
    tcp = _listen_tcp(options, unix)
    readiness = Readiness(processes=processes, clock=clock)
    node = node_labels()
    history = History(table=table, faults=faults, clock=clock)
    guard = HttpGuard(auth=BasicAuth(), own=own, faults=faults, limits=limits.http)
    routes = Routes(
        exposition=Exposition(
            table=table, control=control, own=own, faults=faults, clock=clock, node=node
        ),
        api=Api(table=table, faults=faults, clock=clock, node=node),
        changes=Changes(table=table, faults=faults, clock=clock),
        history=HistoryApi(history=history, table=table, clock=clock),
        readiness=readiness,
        hand_over=state.hand_over,
        page=Page(telemetry_path=options.web_telemetry_path, socket_path=unix.path, node=node),
        control=ControlRoutes(control=control, access=access, own=own),
        guard=guard,
        own=own,
        faults=faults,
        limits=limits.http,
    )
    runner = routes.runner()
    await runner.setup()
    assert runner.server is not None
    http_listener = HttpListener(
        server=runner.server,
        current=current,
        own=own,
        budget=budget,
        faults=faults,
        limits=limits,
        clock=Clock(),  # not set by the state file, which is read meanwhile
        max_request=access.max_request,
    )
    for sock in http:
        http_listener.acceptor.start(sock)
        access.warn_of(sock, current())
    # Measured before the state is restored, since that counts as memory for clients.
    budget.limit = memory.for_strangers(budget.limit, memory.taken())
    found = await _read(state, stop, unix)
    if stop.is_set():  # there is nothing to save yet
        unix.unlink()
        return
    # This sets the clock. Whatever keeps times of it is made later.
    readiness.begin(state_loaded=state.restore(found))
    _learn(apps, processes)
    control.begin(lambda: state.when_saved(lambda _: None), asyncio.get_running_loop().call_later)
    lookups = AppMetaLookups(
        url=options.identity_app_meta_cache,
        apps=apps,
        settle=processes.settle,
        pending=table.pending,
        own=own,
        faults=faults,
        clock=clock,
    )
    lookups.start()
    listener = Listener(
        processes=processes,
        control=control,
        when_saved=state.when_saved,
        own=own,
        budget=budget,
        faults=faults,
        clock=clock,
        limits=limits,
        prove=options.identity_verify != OFF,
    )
    for sock in (plugins, *tcp):
        listener.acceptor.start(sock)
    log.info("ready: version=%s %s", VERSION, _where(http, unix.path, tcp))

    upkeep = Upkeep(
        work={
            "table": processes.sweep,
            "control": control.tick,
            "sockets": listener.acceptor.sweep,
            "http": http_listener.acceptor.sweep,
            "loop": budget.sweep,
            "history": history.tick,
            "exposition": routes.changes.tick,
            "state": state.tick,
        },
        unix=unix,
        replace=listener.acceptor.replace,
        faults=faults,
        clock=clock,
    )
    await upkeep.until(stop)

    log.info("stopping")
    unix.unlink()
    await lookups.stop()
    await _drain(listener, http_listener, runner.cleanup, state)


def _learn(apps: AppMetas, processes: Processes) -> None:
    """Take the stack's records of pods from the state file, so they aren't asked for again."""
    for process in processes.all():
        if not process.plugin.pending:
            apps.learn(process.plugin.identity, process.info)


async def _drain(
    listener: Listener,
    http_listener: HttpListener,
    answered: Callable[[], Awaitable[None]],
    state: StateFile,
) -> None:
    """Take in and answer what has been sent, and save the state."""
    await listener.stop()
    http_listener.acceptor.stop()
    await answered()
    # While the processes still count as connected, so that a restart waits for them.
    state.save()
    for acceptor in (listener.acceptor, http_listener.acceptor):
        acceptor.abort()


async def _read(state: StateFile, stop: asyncio.Event, unix: UnixSocket) -> State | None:
    """Return the state in the file. If that fails, remove the socket file."""
    try:
        return await state.read_unless(stop)
    except StateFileError:
        unix.unlink()
        raise


def _where(http: list[socket.socket], path: str, tcp: list[socket.socket]) -> str:
    """Return all addresses as text."""

    def named(name: str, sockets: list[socket.socket]) -> list[str]:
        return [f"{name}={join(*each.getsockname()[:2])}" for each in sockets]

    return " ".join([*named("http", http), f"socket={path}", *named("tcp", tcp)])


def _listen_tcp(options: Options, unix: UnixSocket) -> list[socket.socket]:
    """Return the socket of ``--tcp.listen-address``; empty without that flag."""
    address = options.tcp_listen_address
    if address is None:
        return []
    try:
        sock = listen(*address, to="listen for plugins", flag="tcp.listen-address")
    except SocketError:
        unix.unlink()
        raise
    if options.identity_verify == REQUIRE:
        log.warning("--identity.verify=require: plugins over --tcp.listen-address are refused")
    elif options.tcp_token_file is None:
        log.warning(
            "--tcp.listen-address without --tcp.token-file: any host that reaches it may report"
        )
    return [sock]


if __name__ == "__main__":
    main()
