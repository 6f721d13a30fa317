"""Addresses of the app-meta cache: looked up in a thread, again and again."""

import asyncio
import threading

import pytest

from waggle_live_collector.identity.resolver import Resolver


def test_a_thread_that_can_t_be_started_costs_one_look_up(monkeypatch):
    """The next one looks again, and doesn't wait for a thread that never was."""
    resolver = Resolver("127.0.0.1", 6379)

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    async def ask():
        with monkeypatch.context() as without_threads:
            without_threads.setattr(threading.Thread, "start", refuse)
            for _ in range(2):
                with pytest.raises(RuntimeError, match="new thread"):
                    await resolver.addresses()
        async with asyncio.timeout(30):
            return await resolver.addresses()

    assert asyncio.run(ask()) == ["127.0.0.1"]
