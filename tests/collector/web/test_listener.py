"""The listener of HTTP alone, with a client whose TLS goes on step by step."""

import asyncio
import contextlib
import logging
import socket
import ssl

import pytest
from aiohttp import web

pytest.importorskip("cryptography", reason="needs the package cryptography")

from waggle_live_collector.budget import Budget, What
from waggle_live_collector.clock import Clock
from waggle_live_collector.faults import Faults
from waggle_live_collector.limits import Limits
from waggle_live_collector.own_metrics import OwnMetrics
from waggle_live_collector.web.config import WebConfig
from waggle_live_collector.web.listener import HttpListener
from waggle_live_collector.web.tls import Tls

from ..certificates import Authority


class Client:
    """A client of TLS that takes one step of the handshake when the test says so."""

    def __init__(self, port):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out)

    def shake(self):
        """Take a step, and send what that says."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
        self.socket.sendall(self._out.read())

    async def hear(self):
        """Take in what arrived; tell whether there was anything. The loop goes on meanwhile."""
        heard = await asyncio.to_thread(self.socket.recv, 1 << 16)
        self._in.write(heard)
        return bool(heard)


def test_a_connection_that_is_cut_once_its_handshake_has_arrived_is_closed(tmp_path, caplog):
    """The end of the handshake waits in the kernel: no fault, and nothing is held any more."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*Authority(tmp_path).server())
    config = WebConfig(tls=Tls(context, ()), users={}, headers={})

    async def run():
        clock, own, budget = Clock(), OwnMetrics(), Budget(1 << 24)
        faults = Faults(own=own, clock=clock)
        faults.watch()
        listener = HttpListener(
            server=web.Server(lambda request: web.Response()),
            current=lambda: config,
            own=own,
            budget=budget,
            faults=faults,
            limits=Limits(),
            clock=clock,
        )
        with socket.create_server(("127.0.0.1", 0)) as sock:
            sock.setblocking(False)
            listener.acceptor.start(sock)
            client = Client(sock.getsockname()[1])
            with client.socket:
                client.shake()
                await client.hear()
                client.shake()
                (principal,) = budget.principals()
                (holder,) = principal.children.values()
                holder.lose(What.INCOMPLETE)
                with contextlib.suppress(ConnectionResetError):
                    while await client.hear():
                        pass
                assert budget.root.total == 0
            listener.acceptor.stop()

    asyncio.run(run())
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []
