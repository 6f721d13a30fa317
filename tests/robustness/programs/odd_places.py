"""Records from a signal handler, a GC callback, ``__del__`` and atexit, at once, without pause.

Argument: seconds. Prints as JSON how often each place recorded, just before atexit adds one.
"""

import atexit
import gc
import itertools
import json
import signal
import sys
import threading
import time

from waggle_live import LiveMetrics

live = LiveMetrics().open()
made = {place: itertools.count() for place in ("signal", "gc", "del", "main", "thread", "atexit")}
recorded = {place: itertools.count() for place in made}


def record(place: str) -> None:
    """Record with every kind of instrument; under a new label now and then."""
    number = next(made[place])
    live.counter(place).inc()
    with live.timer(place + ".block"):
        pass
    live.timer(place + ".span").start().stop()
    live.gauge(place + ".number").set(number)
    live.rate(place + ".events").tick()
    live.counter(place + ".labelled", number=number % 50).inc()
    if number % 100 == 0:
        live.flush(0.005)
    next(recorded[place])


class Cyclic:
    """Records when the garbage collector finds it, in whatever thread that is."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        record("del")


def on_signal(*_: object) -> None:
    """Record in the middle of whatever the main thread does."""
    record("signal")


in_callback = threading.local()


def on_gc(phase: str, _: object) -> None:
    """Record at the begin and end of each collection."""
    if not getattr(in_callback, "on", False):
        in_callback.on = True
        record("gc")
        in_callback.on = False


def work(place: str, end: float) -> None:
    """Record and make garbage until the end."""
    while time.monotonic() < end:
        record(place)
        Cyclic()
        time.sleep(0.0001)


def main(seconds: float) -> None:
    end = time.monotonic() + seconds
    gc.set_threshold(200, 2, 2)
    gc.callbacks.append(on_gc)
    signal.signal(signal.SIGALRM, on_signal)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    thread = threading.Thread(target=work, args=("thread", end))
    thread.start()
    work("main", end)
    thread.join()
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    gc.callbacks.remove(on_gc)
    gc.collect()
    gc.disable()
    live.flush(5)
    print(json.dumps({place: next(count) for place, count in recorded.items()}), flush=True)


atexit.register(record, "atexit")
main(float(sys.argv[1]))
