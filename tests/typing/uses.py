"""What mypy and pyright, both strict, must take as it is. Checked, never run."""

from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import partial
from typing import (
    Any,
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Generator,
    Iterator,
    List,
    Type,
    assert_type,
)

import numpy as np

from waggle_live import COUNTER, GAUGE, RATE, TIMER, InvalidMetric, Knob, LiveMetrics, Plugin
from waggle_live.instruments.counter import Counter
from waggle_live.instruments.gauge import Gauge
from waggle_live.instruments.rate import Rate
from waggle_live.instruments.timer import Span, Timer


class Model(Enum):
    YOLO = "yolov7"


def synchronize() -> None: ...


with Plugin() as plugin:
    live = plugin.live
    assert_type(live, LiveMetrics)

with LiveMetrics(plugin_name="cars", address="off", interval=0.5, profile=50) as opened:
    assert_type(opened, LiveMetrics)

# What the calls return, and what a block binds.
assert_type(live.timer("t"), Timer)
assert_type(live.timer("t", synchronize), Timer)
assert_type(live.timer(name="t", sync=synchronize, model="a"), Timer)
assert_type(live.rate("r", camera=1), Rate)
assert_type(live.gauge("g", model=Model.YOLO, size=np.int64(3), half=Decimal("0.5")), Gauge)
assert_type(live.counter("c", on=True), Counter)
assert_type(live.timer("t").start(), Span)
assert_type(live.flush(), bool)
kept_labels = {"model": "a"}
assert_type(live.timer("t", **kept_labels), Timer)
assert_type(live.gauge("g", **kept_labels), Gauge)
with live.timer("t") as timer, live.rate("r") as rate, live.timer("t", sync=synchronize) as device:
    assert_type(timer, Timer)
    assert_type(rate, Rate)
    assert_type(device, Timer)
for frame in live.rate("r").each([b"frame"]):
    assert_type(frame, bytes)


def block_is_not_taken_to_swallow_exceptions() -> int:
    with live.timer("t"):
        return 1


# A decorated function has the type that it had.


@live.timer("t")
def function(number: int, *, text: str = "") -> List[str]:
    return [text] * number


@live.rate("r")
def rated(number: int) -> str:
    return str(number)


@live.timer("t", sync=synchronize)
def on_device(number: int) -> float:
    return number


@live.timer("t")
def generator(number: int) -> Iterator[int]:
    yield number


@live.rate("r")
async def coroutine(number: int) -> bytes:
    return bytes(number)


@live.timer("t")
async def asynchronous_generator(number: int) -> AsyncIterator[int]:
    yield number


@contextmanager
@live.timer("t")
def context() -> Generator[str, None, None]:
    yield ""


@asynccontextmanager
@live.rate("r")
async def asynchronous_context() -> AsyncGenerator[str, None]:
    yield ""


class Detector:
    kept = live.timer("kept")

    @live.timer("t")
    def method(self, number: int) -> str:
        return str(number)

    @kept
    def by_kept(self, number: int) -> str:
        return str(number)

    @classmethod
    @live.timer("t")
    def make(cls, number: int) -> "Detector":
        return cls()

    @staticmethod
    @live.timer("t")
    def static(number: int) -> str:
        return str(number)

    @live.timer("t")
    @staticmethod
    def inner_static(number: int) -> str:
        return str(number)

    @property
    @live.rate("r")
    def size(self) -> int:
        return 1


async def uses() -> None:
    assert_type(function(1, text="a"), List[str])
    assert_type(rated(1), str)
    assert_type(on_device(1), float)
    assert_type(generator(1), Iterator[int])
    assert_type(await coroutine(1), bytes)
    async for number in asynchronous_generator(1):
        assert_type(number, int)
    with context() as text:
        assert_type(text, str)
    async with asynchronous_context() as text:
        assert_type(text, str)
    detector = Detector()
    assert_type(detector.method(1), str)
    assert_type(detector.by_kept(1), str)
    assert_type(Detector.make(1), Detector)
    assert_type(Detector.static(1), str)
    assert_type(Detector.inner_static(1), str)
    assert_type(detector.size, int)
    wrapped: Callable[[int], str] = live.timer("t")(str)
    shorter = live.timer("t")(partial(function, 1))
    assert_type(shorter(), List[str])
    assert_type(wrapped(1), str)
    async for item in live.rate("r").each_async(asynchronous_generator(1)):
        assert_type(item, int)


# Whatever float() takes is a value.
gauge, counter = live.gauge("g"), live.counter("c")
for value in (1, 2.5, True, Decimal("1.5"), Fraction(1, 2), np.float32(1), np.int64(1)):
    gauge.set(value)
    gauge.inc(value)
    gauge.dec(value)
    counter.inc(value)
gauge.set_function(lambda: np.float32(1))
gauge.set_function(lambda: 3)
gauge.set_function(None)
live.flush(np.float32(1))

# A knob has the type of its default; an int among floats is a float.
assert_type(live.knob("n", 1080, choices=[360, 720, 1080]), Knob[int])
assert_type(live.knob("f", 0.5, low=0.3, high=0.9, better="lower").value, float)
assert_type(live.knob("f", default=1, low=0.5, high=2.0).value, float)
assert_type(live.knob("s", "s", choices=("n", "s"), cost=[1, 2.6], settle=5).value, str)
assert_type(live.knob("b", True).value, bool)
assert_type(live.knob("b", True).changed(), bool)
for frame in live.pace("fps", [b"frame"], low=1):
    assert_type(frame, bytes)

live.declare(a=TIMER, b=RATE, c=GAUGE, d=COUNTER)
live.start_timer("t", model="a")
live.stop_timer("t", model="a")
error: Type[Exception] = InvalidMetric


def by_dictionary(labels: "dict[str, str]", anything: "dict[str, Any]") -> None:
    assert_type(live.timer("t", **anything), Timer)
    assert_type(live.gauge("g", **labels), Gauge)
