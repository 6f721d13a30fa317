"""What the end-to-end workloads record: ``count`` samples with each form of instrument."""

import threading
from typing import Any


def record(live: Any, count: int) -> None:
    """Record ``count`` times: a timed block, a failed one, a decorated call, a span, a named
    span, a labelled block, a tick and an increment by 2."""

    @live.timer("decorated")
    def decorated() -> None:
        pass

    ticks, counter = live.rate("ticks"), live.counter("twos")
    for _ in range(count):
        with live.timer("block"):
            pass
        try:
            with live.timer("failing"):
                raise KeyError
        except KeyError:
            pass
        decorated()
        live.timer("span").start().stop()
        live.start_timer("named")
        live.stop_timer("named")
        with live.timer("labelled", model="yolo"):
            pass
        with live.rate("blocks"):
            pass
        ticks.tick()
        counter.inc(2)


def record_in_threads(live: Any, count: int, threads: int) -> None:
    """Record ``count`` samples in each of ``threads`` threads and wait for them."""
    running = [threading.Thread(target=record, args=(live, count)) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
