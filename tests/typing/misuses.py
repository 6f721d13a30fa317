"""What mypy and pyright, both strict, must find: each line marked with ERROR. Never run."""

from waggle_live import LiveMetrics, NoSuchThing  # ERROR
from waggle_live import VERSION as no_such_version  # ERROR
import waggle_live

live = LiveMetrics()
print(waggle_live.no_such_thing)  # ERROR
print(live.no_such_thing)  # ERROR

gauge, counter = live.gauge("g"), live.counter("c")
gauge.set("3")  # ERROR
gauge.set(b"3")  # ERROR
gauge.set(None)  # ERROR
gauge.set([3])  # ERROR
gauge.inc("1")  # ERROR
gauge.dec(1j)  # ERROR
counter.inc("1")  # ERROR
counter.set(1)  # ERROR
gauge.set_function(3)  # ERROR
gauge.set_function(lambda: "3")  # ERROR
live.flush("1")  # ERROR
live.close(status=1)  # ERROR
live.close(timeout="x")  # ERROR
LiveMetrics(interval="1")  # ERROR
LiveMetrics(plugin_name=1)  # ERROR

live.timer(3)  # ERROR
live.rate(b"r")  # ERROR
live.timer("t", sync=5)  # ERROR
live.timer("t", model=["yolo"])  # ERROR
live.gauge("g", model=None)  # ERROR
live.declare(a=3)  # ERROR
live.timer("t")(5)  # ERROR
live.timer("t").tick()  # ERROR
live.rate("r").each(5)  # ERROR
live.rate("r").each_async([1])  # ERROR
live.pace("r", 5)  # ERROR
live.knob("k", None)  # ERROR
live.knob("k", 1, choices=["a"])  # ERROR
live.knob("k", 1, low="a", high="b")  # ERROR
live.knob("k", 1, better="up")  # ERROR
live.knob("k", 1).value = 2  # ERROR
live.knob("k", "a").value + 1  # ERROR
live.timer.start()  # ERROR
with live.timer:  # ERROR
    pass
with live.timer("t").start():  # ERROR
    pass


@live.timer("t")
def timed(number: int) -> str:
    return str(number)


@live.rate("r")
def rated(number: int) -> str:
    return str(number)


@live.timer  # ERROR
def forgot_the_name(number: int) -> str:
    return str(number)


class Detector:
    @live.timer("t")
    def method(self, number: int) -> str:
        return str(number)


timed("1")  # ERROR
rated("1")  # ERROR
Detector().method("1")  # ERROR
timed(1) + 1  # ERROR
rated(1) + 1  # ERROR
timed()  # ERROR
