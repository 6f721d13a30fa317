"""The page behind a proxy that has the collector below a path."""

import asyncio
import threading

import aiohttp
import pytest
from aiohttp import web

from tests.collector.harness import Client, wait_until

from .page_rows import report, row


@pytest.mark.parametrize("path", ["/waggle", "/waggle/"])
def test_it_works_below_a_path(browser, own_collector, path):
    """Behind a proxy that has the collector there, with the slash or without."""
    with Prefixed(own_collector.url) as url, Client(own_collector) as client:
        client.hello(task="a")
        report(client, 1, 7)
        browser.visit(url + path)
        wait_until(lambda: browser.text("#state") == "live")
        wait_until(lambda: row(browser, "movers"))
        links = browser.run("return [...document.querySelectorAll('footer a')].map(e => e.href)")
        assert links[0] == f"{url}/waggle/metrics"


class Prefixed:
    """A proxy that has a collector below ``/waggle``, as nginx and Kubernetes are set to do."""

    def __init__(self, behind):
        self._behind = behind

    def __enter__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        return asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(30)

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self):
        self._session = aiohttp.ClientSession(auto_decompress=False)
        app = web.Application()
        app.router.add_get("/waggle{path:(/.*)?}", self._pass)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return "http://127.0.0.1:%d" % site._server.sockets[0].getsockname()[1]

    async def _stop(self):
        await self._runner.cleanup()
        await self._session.close()

    async def _pass(self, request):
        url = self._behind + (request.match_info["path"] or "/") + "?" + request.query_string
        headers = {"Accept-Encoding": "identity"}
        async with self._session.get(url, headers=headers) as answer:
            kept = {k: v for k, v in answer.headers.items() if k != "Content-Length"}
            response = web.StreamResponse(status=answer.status, headers=kept)
            await response.prepare(request)
            async for piece in answer.content.iter_any():
                await response.write(piece)
            return response
