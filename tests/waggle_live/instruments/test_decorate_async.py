"""Timers as decorators of coroutines and async generators."""

import asyncio
import inspect
import time
import types

import pytest

from ..helpers import MS, Stopwatch, cell, run_async


def figures(live):
    found = cell(live, "timer", "t")
    return found["count"], found["failures"]


def test_coroutine_is_measured_to_its_end(live):
    """A coroutine that waits 200 ms reads 0.2 s, within 10 %, or what the wait really took."""
    watch = Stopwatch()

    @live.timer("t")
    async def wait():
        with watch.inside():
            await asyncio.sleep(0.2)
            return 7

    async def main():
        with watch.outside():
            return await wait()

    assert inspect.iscoroutinefunction(wait)
    assert run_async(main()) == 7
    found = cell(live, "timer", "t")
    watch.check(found)
    assert found["count"] == 1
    assert found["sum"] >= 200 * MS
    on_time = watch.outer[0] <= 220 * MS  # else the wait itself took longer, on a busy machine
    assert found["sum"] / 1e9 == pytest.approx(0.2, rel=0.1) or not on_time


def test_coroutines_side_by_side(live):
    """Interleaved coroutines are each measured alone."""
    watch = Stopwatch()

    @live.timer("t")
    async def wait(pause):
        with watch.inside():
            await asyncio.sleep(pause)

    async def watched(pause):
        with watch.outside():
            await wait(pause)

    async def main():
        await asyncio.gather(watched(0.02), watched(0.06), watched(0.04))

    run_async(main())
    found = cell(live, "timer", "t")
    watch.check(found)
    assert found["count"] == 3
    assert found["sum"] >= 120 * MS


def test_coroutine_that_raises_or_is_cancelled(live):
    """An exception is a failure, a cancellation is none; both go on unchanged."""
    error = ValueError("x")

    @live.timer("t")
    async def fail():
        raise error

    @live.timer("t")
    async def wait():
        await asyncio.sleep(10)

    async def main():
        with pytest.raises(ValueError, match="x") as caught:
            await fail()
        assert caught.value is error
        task = asyncio.ensure_future(wait())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(wait(), 0.01)

    run_async(main())
    assert figures(live) == (3, 1)


def test_coroutine_that_is_never_awaited(live):
    """Calling a coroutine function measures nothing; its first step does."""

    @live.timer("t")
    async def wait():
        pass

    coroutine = wait()
    coroutine.close()
    assert figures(live) == (0, 0)


def test_generator_based_coroutine(live):
    """A coroutine of ``types.coroutine`` stays one that can be awaited."""
    watch = Stopwatch()

    @types.coroutine
    def pause():
        with watch.inside():
            yield from asyncio.sleep(0.02)
            return 7

    async def main():
        with watch.outside():
            return await live.timer("t")(pause)()

    assert run_async(main()) == 7
    watch.check(cell(live, "timer", "t"))
    assert watch.inner[0] >= 20 * MS


def test_kept_object_as_block_in_a_coroutine(live):
    """A block inside of a coroutine spans its waiting."""
    watch = Stopwatch()

    async def main():
        with watch.outside(), live.timer("t"), watch.inside():
            await asyncio.sleep(0.05)

    run_async(main())
    watch.check(cell(live, "timer", "t"))
    assert watch.inner[0] >= 50 * MS


async def echo(log):
    """Log all that happens to an async generator."""
    value = None
    try:
        while True:
            try:
                await asyncio.sleep(0)
                value = yield ("item", value)
                log.append(("sent", value))
                if value == "return":
                    return
                if value == "raise":
                    raise KeyError("inside")
            except ValueError as error:
                log.append(("caught", str(error)))
                value = "recovered"
    except GeneratorExit:
        log.append("closed")
        raise
    finally:
        await asyncio.sleep(0)
        log.append("finally")


async def stubborn(log):
    """Yield again when closed."""
    try:
        yield 1
    except GeneratorExit:
        log.append("ignored")
        yield 2


async def graceful(log):
    """Return when closed."""
    try:
        yield 1
    except GeneratorExit:
        log.append("graceful")


async def play(make, steps):
    """Run steps on an async generator and return all that can be seen from outside."""
    log, seen = [], []
    generator = make(log)
    for name, arguments in steps:
        try:
            seen.append(await getattr(generator, name)(*arguments))
        except BaseException as error:
            seen.append((type(error), str(error)))
    try:
        await generator.aclose()
    except BaseException as error:
        seen.append((type(error), str(error)))
    return seen, log


NEXT, CLOSE = ("__anext__", ()), ("aclose", ())
STEPS = [
    [NEXT],
    [NEXT, NEXT],
    [NEXT, CLOSE, NEXT],
    [CLOSE, NEXT],
    [("asend", (1,))],
    [NEXT, ("asend", (1,)), ("asend", ("return",)), NEXT],
    [NEXT, ("asend", ("raise",)), NEXT],
    [NEXT, ("athrow", (ValueError("x"),)), NEXT],
    [NEXT, ("athrow", (TypeError("y"),)), NEXT],
    [NEXT, ("athrow", (GeneratorExit(),)), NEXT],
    [NEXT, ("athrow", (StopAsyncIteration(),)), NEXT],
    [NEXT, ("athrow", (asyncio.CancelledError(),)), NEXT],
]


@pytest.mark.parametrize("make", [echo, stubborn, graceful])
@pytest.mark.parametrize("steps", STEPS)
def test_async_generators_behave_as_undecorated(live, make, steps):
    """asend, athrow and aclose: all that can be seen is as without us."""
    decorated = run_async(play(live.timer("t")(make), steps))
    assert decorated == run_async(play(make, steps))


def test_async_generator_time_is_inside_its_resumes(live):
    """An async generator is one call: the time of its resumes, not its consumer's."""
    watch = Stopwatch()

    @live.timer("t")
    async def frames():
        for i in range(3):
            with watch.inside():
                await asyncio.sleep(0.01)
            yield i

    async def main():
        generator = frames()
        for expected in range(3):
            with watch.outside():
                assert await generator.__anext__() == expected
            time.sleep(0.02)
            await asyncio.sleep(0.02)
        with watch.outside(), pytest.raises(StopAsyncIteration):
            await generator.__anext__()

    run_async(main())
    found = cell(live, "timer", "t")
    assert found["count"] == 1
    assert found["sum"] >= 30 * MS
    watch.check_one(found["sum"])
    assert inspect.isasyncgenfunction(frames)


def test_async_generator_endings(live):
    """Exhausted or left early: one call, no failure. Raising: one failure."""

    @live.timer("t")
    async def frames(fail=False):
        yield 1
        if fail:
            raise ValueError
        yield 2

    async def main():
        assert [item async for item in frames()] == [1, 2]
        assert figures(live) == (1, 0)
        async for _ in frames():
            break
        generator = frames()
        await generator.__anext__()
        await generator.aclose()
        with pytest.raises(ValueError):
            [item async for item in frames(fail=True)]

    run_async(main())
    assert figures(live) == (4, 1)
