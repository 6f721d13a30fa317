"""Decorated functions keep nothing alive that would not live without us."""

import asyncio
import gc
import weakref
from contextlib import suppress

import pytest

from waggle_live.wire.errors import InvalidType

from ..helpers import environment, run_async, run_python, turns, write_script


class Frame:
    """What a generator yields, large in real plugins."""


class Frames:
    """Makes frames, and knows which of them are alive."""

    def __init__(self):
        self._made = []

    def make(self):
        """Return a new frame."""
        frame = Frame()
        self._made.append(weakref.ref(frame))
        return frame

    def alive(self):
        """Return how many are alive."""
        return sum(each() is not None for each in self._made)


@pytest.fixture
def frames():
    """Frames in a process without garbage collection, so that what is in a cycle stays."""
    gc.collect()
    gc.disable()
    yield Frames()
    gc.enable()


@pytest.fixture(params=["timer", "each", "pace"])
def stream(live, frames, request):
    """Return an instrumented generator function that yields new frames."""

    def stream():
        while True:
            with suppress(ValueError):
                yield frames.make()

    if request.param == "timer":
        return live.timer("t")(stream)
    if request.param == "pace":
        return lambda: live.pace("r", stream())
    return lambda: live.rate("r").each(stream())


@pytest.fixture(params=["timer", "each_async"])
def async_stream(live, frames, request):
    """Return an instrumented async generator function that yields new frames."""

    async def stream():
        while True:
            await asyncio.sleep(0)
            with suppress(ValueError):
                yield frames.make()

    if request.param == "timer":
        return live.timer("t")(stream)
    return lambda: live.rate("r").each_async(stream())


def test_an_item_lives_as_long_as_its_consumer_keeps_it(stream, frames):
    """While the next item isn't asked for yet, the last one is the consumer's alone."""
    items = stream()
    item = next(items)
    assert frames.alive() == 1
    del item
    assert frames.alive() == 0
    for _ in zip(range(3), items):
        pass
    del _
    assert frames.alive() == 0


@pytest.mark.parametrize("end", ["close", "drop", "throw"])
def test_nothing_lives_after_a_generator(stream, frames, end):
    """A generator that is closed, dropped or thrown into leaves nothing."""
    items = stream()
    item = next(items)
    if end == "close":
        items.close()
    elif end == "throw":
        with pytest.raises(KeyError):
            items.throw(KeyError(frames.make()))
    del items, item
    assert frames.alive() == 0


def test_what_is_thrown_and_sent_in_is_let_go(live, frames):
    """An exception that a generator survives, and a value sent to it, die when it lets them go."""

    @live.timer("t")
    def survivor(argument):
        del argument
        while True:
            with suppress(ValueError):
                yield

    items = survivor(frames.make())
    next(items)
    items.throw(ValueError(frames.make()))
    items.send(frames.make())
    assert frames.alive() == 0


@pytest.mark.parametrize("end", ["aclose", "break", "athrow"])
def test_nothing_lives_after_an_async_generator(async_stream, frames, end):
    """An async generator keeps no item, and nothing after its end."""

    async def main():
        items = async_stream()
        item = await items.__anext__()
        assert frames.alive() == 1
        del item
        assert frames.alive() == 0
        if end == "aclose":
            await items.aclose()
        elif end == "athrow":
            with pytest.raises(KeyError):
                await items.athrow(KeyError(frames.make()))
        else:
            async for _ in items:
                break
            del _
        del items
        await turns()
        assert frames.alive() == 0

    run_async(main())


def test_a_coroutine_and_its_argument(live, frames):
    """What a coroutine lets go while it runs is gone, and what it raised with after it."""

    @live.timer("t")
    async def work(frame):
        del frame
        alive = frames.alive()
        await asyncio.sleep(0)
        raise ValueError(frames.make(), alive)

    async def main():
        try:
            await work(frames.make())
        except ValueError as error:
            assert error.args[1] == 0

    run_async(main())
    assert frames.alive() == 0


def test_a_function_that_raises(live, frames):
    """The locals of a function that raised die with its exception."""

    @live.timer("t")
    def work():
        frame = frames.make()
        raise ValueError(id(frame))

    try:
        work()
    except ValueError:
        assert frames.alive() == 1
    assert frames.alive() == 0


class Tensor:
    """A value of several elements, of which float() and labels take none."""

    shape = ()

    def __float__(self):
        raise RuntimeError("several elements")

    item = __float__


def test_a_value_that_was_refused(live, frames):
    """What was no value dies with the error that said so."""
    calls = [
        live.gauge("g").set,
        live.gauge("g").inc,
        live.counter("c").inc,
        live.timer("t").observe,
        live.rate("r").tick,
        live.flush,
        lambda value: live.timer("t", size=value),
        live.gauge,
    ]
    for call in calls:
        value = Tensor()
        value.frame = frames.make()
        with suppress(InvalidType):
            call(value)
        del value
        assert frames.alive() == 0, call


SCRIPT = """
    import re, sys
    from waggle_live import LiveMetrics

    live = LiveMetrics(plugin_name="x", address="off")

    def stream():
        while True:
            yield bytearray(6000000)

    if sys.argv[1] == "timed":
        stream = live.timer("decode")(stream)
    for _ in range(300):
        frames = stream()
        next(frames)
        frames.close()
    with open("/proc/self/status") as status:
        print(re.search("VmHWM:[^0-9]*([0-9]+) kB", status.read()).group(1))
"""


def test_resident_memory(tmp_path):
    """An instrumented generator of 6 MB frames, closed early 300 times, takes as much as plain."""
    path = write_script(tmp_path, SCRIPT)
    taken = {}
    for form in ("plain", "timed"):
        status, out, err = run_python(path, form, env=environment())
        assert (status, err) == (0, "")
        taken[form] = int(out)  # KiB
    assert taken["timed"] < taken["plain"] + 5 * 1024
