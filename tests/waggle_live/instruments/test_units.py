"""One kept timer, or one name, in all that can be suspended: generators, tasks, greenlets."""

import asyncio
import gc
import threading
import time
from contextlib import ExitStack

import pytest

from tests.programs import needs

from ..helpers import Stopwatch, cell, problems, run_async, turns


class ByHand:
    """A context manager of the author's own, which hands on to a kept timer."""

    def __init__(self, live, kept):
        self.kept = kept

    def __enter__(self):
        self.kept.__enter__()

    def __exit__(self, *error):
        self.kept.__exit__(*error)


class ByName:
    """A context manager of ``start_timer`` and ``stop_timer``."""

    def __init__(self, live, kept):
        self.live = live

    def __enter__(self):
        self.live.start_timer("t")

    def __exit__(self, *error):
        self.live.stop_timer("t")


class Use:
    """One kept timer, or name, in one form of its use, and a watch on both sides of it."""

    def __init__(self, live, form):
        self._live, self._form = live, form
        self.kept = live.timer("t")
        self._watch = Stopwatch()
        self.outside, self.inside = self._watch.outside, self._watch.inside

    def block(self):
        """Return what measures a block."""
        return self.kept if self._form is None else self._form(self._live, self.kept)

    def check(self, count):
        """Assert that all blocks were told apart, and that nothing stays of them."""
        found = cell(self._live, "timer", "t")
        assert found["count"] == count
        self._watch.check(found)
        assert self.kept._start is None
        assert problems(self._live) == {}


@pytest.fixture(params=[None, ByHand, ByName])
def use(live, request):
    """Return a use of each form."""
    return Use(live, request.param)


def items(use, *pauses):
    """Yield within a block, after each pause."""
    with use.outside(), use.block(), use.inside():
        for pause in pauses:
            time.sleep(pause)
            yield pause


def test_generators_that_take_turns(use):
    """Blocks of generators that are read in turn are each measured whole."""
    for _ in zip(items(use, 0.01, 0.01, 0.01), items(use, 0.02, 0.02)):
        pass
    gc.collect()
    use.check(2)


def test_generators_that_end_in_any_order(use):
    """A generator that began first and ends first takes its own start with it."""
    made = [items(use, 0.01) for _ in range(4)]
    for each in made:
        next(each)
    for index in (0, 2, 3, 1):
        time.sleep(0.01)
        made[index].close()
    use.check(4)


def test_generators_by_exit_stack(live):
    """What an ExitStack enters within a generator belongs to that generator."""
    kept, watch = live.timer("t"), Stopwatch()

    def one():
        with ExitStack() as stack:
            for each in (watch.outside(), kept, watch.inside()):
                stack.enter_context(each)
            yield

    made = [one() for _ in range(3)]
    for each in made:
        next(each)
        time.sleep(0.01)
    for each in made:
        each.close()
    found = cell(live, "timer", "t")
    watch.check(found)
    assert (found["count"], kept._start, problems(live)) == (3, None, {})


def test_a_generator_that_moves_to_another_thread(live):
    """A block that began in one thread and ends in another is the same block."""
    use = Use(live, None)
    made = [items(use, 0.01) for _ in range(3)]
    for each in made:
        next(each)
    thread = threading.Thread(target=lambda: [each.close() for each in made])
    thread.start()
    thread.join()
    use.check(3)


async def rest(use, before, pause):
    """Sleep within a block, in a coroutine that another awaits."""
    await asyncio.sleep(before)
    with use.outside(), use.block(), use.inside():
        await asyncio.sleep(pause)


def test_tasks(use):
    """Tasks of asyncio that overlap are each measured alone."""

    async def work(before, pause):
        await rest(use, before, pause)

    async def main():
        await asyncio.gather(work(0, 0.06), work(0.02, 0.06), work(0.03, 0.01))

    run_async(main())
    use.check(3)


def test_tasks_of_trio(use):
    """Tasks of trio that overlap are each measured alone."""
    needs("trio")
    import trio

    async def work(before, pause):
        await trio.sleep(before)
        with use.outside(), use.block(), use.inside():
            await trio.sleep(pause)

    async def main():
        async with trio.open_nursery() as nursery:
            for pauses in ((0, 0.06), (0.02, 0.06), (0.03, 0.01)):
                nursery.start_soon(work, *pauses)

    trio.run(main)
    use.check(3)


def test_async_context_managers_by_hand(live):
    """A start in ``__aenter__`` and a stop in ``__aexit__`` are of the task that awaits both."""
    kept, watch = live.timer("t"), Stopwatch()

    class Section:
        async def __aenter__(self):
            kept.__enter__()

        async def __aexit__(self, *error):
            kept.__exit__(*error)

    async def work(pause):
        with watch.outside():
            async with Section():
                with watch.inside():
                    await asyncio.sleep(pause)

    async def main():
        await asyncio.gather(work(0.01), work(0.05), work(0.03))

    run_async(main())
    watch.check(cell(live, "timer", "t"))
    assert problems(live) == {}


def test_async_generators_left_early(use):
    """An async generator that is left early is closed by another task, and loses no block."""

    async def frames():
        with use.outside(), use.block(), use.inside():
            for _ in range(3):
                await asyncio.sleep(0.001)
                yield

    async def main():
        for _ in range(5):
            async for _ in frames():
                break
        made = [frames() for _ in range(2)]
        for each in made:
            await each.__anext__()
        for each in made:
            await asyncio.ensure_future(each.aclose())
        gc.collect()
        await turns()

    run_async(main())
    use.check(7)


def test_greenlets(use):
    """Greenlets that take turns are each measured alone."""
    needs("greenlet")
    from greenlet import getcurrent, greenlet

    def work(pause):
        with use.outside(), use.block(), use.inside():
            time.sleep(pause)
            main.switch()
        main.switch()

    main = getcurrent()
    made = [greenlet(work) for _ in range(3)]
    for each, pause in zip(made, (0.01, 0.02, 0.03)):
        each.switch(pause)
    for each in made:
        time.sleep(0.01)
        each.switch()
    use.check(3)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_coroutine_that_another_closes(live, is_first):
    """A coroutine that is closed from within another one ends its own block."""
    kept, watch = live.timer("t"), Stopwatch()

    async def wait():
        with watch.outside(), kept, watch.inside():
            await asyncio.sleep(10)

    async def main():
        other = wait()
        if is_first:
            other.send(None)
        with watch.outside(), kept, watch.inside():
            if not is_first:
                other.send(None)
            time.sleep(0.01)
            other.close()
            time.sleep(0.02)

    run_async(main())
    watch.check(cell(live, "timer", "t"))
    assert problems(live) == {}
