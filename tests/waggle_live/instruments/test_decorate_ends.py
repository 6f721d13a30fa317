"""Async generators end as without us, whoever ends them: the event loop, their consumer."""

import asyncio

import pytest

from ..helpers import cell, environment, run_async, run_python, write_script

SCRIPT = """
    import asyncio
    from waggle_live import LiveMetrics

    live = LiveMetrics(address="off")
    kept = []

    async def stream():
        try:
            while True:
                yield 1
        finally:
            await asyncio.sleep(0.01)
            print("closed", flush=True)

    async def main():
        timed = live.timer("t")(live.timer("twice")(stream))
        kept.extend([timed(), live.rate("r").each_async(stream())])
        for items in kept:
            async for item in items:
                break

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
"""


def test_closed_by_the_event_loop(tmp_path):
    """A loop that ends closes each one that was left early, once, and logs nothing."""
    script = write_script(tmp_path, SCRIPT)
    assert run_python(script, env=environment()) == (0, "closed\nclosed\n", "")


@pytest.mark.parametrize("kind", ["timer", "each_async"])
def test_closed_by_its_consumer(live, kind):
    """``aclose()`` returns when the generator has cleaned up."""
    done = []

    async def stream():
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            done.append(kind)

    async def main():
        timed = live.timer("t")(stream)
        items = timed() if kind == "timer" else live.rate("r").each_async(stream())
        assert await items.__anext__() == 1
        await items.aclose()
        assert done == [kind]

    run_async(main())


def test_what_cannot_be_closed(live):
    """``each_async`` of an iterator without ``aclose`` can be closed as well."""

    class Items:
        def __aiter__(self):
            return self

        async def __anext__(self):
            return 1

    async def main():
        items = live.rate("r").each_async(Items())
        assert await items.__anext__() == 1
        await items.aclose()

    run_async(main())
    assert cell(live, "rate", "r")["count"] == 1
