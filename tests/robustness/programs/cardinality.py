"""A plugin that opens ever new names and label values, as a careless one does.

Argument: how many. Prints by how many bytes its memory has grown since the limit was reached.
"""

import os
import sys

from waggle_live import LiveMetrics

NUMBER = int(sys.argv[1])


def resident() -> int:
    """Return this process's memory in bytes."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


with LiveMetrics() as live:
    for number in range(1500):
        live.counter("first_%d" % number).inc()
    live.flush(10)
    before = resident()
    for number in range(NUMBER // 2):
        live.counter("name_%d" % number).inc(2)
        with live.timer("block", frame=number):
            pass
        if number % 1000 == 0:
            live.count_message("message_%d" % number)
            live.gauge("gauge_%d" % number).set(number)
    for number in range(1500):
        live.counter("first_%d" % number).inc()
    assert live.flush(30)
    print(resident() - before)
