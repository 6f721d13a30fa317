"""A plugin whose functions take known shares: four threads that compute, one that sleeps.

Arguments: rounds, samples a second (0 for none). It prints what is true, as JSON: the CPU that each
function used by the clock of its thread, that of the process, and that of the profiler.
"""

import json
import sys
import threading
import time
from typing import Any, Dict, List, Tuple

from waggle_live.live import LiveMetrics

try:
    import numpy
except ImportError:
    numpy = None  # type: ignore[assignment]

#: Moments, and pages of memory.
RESIDENT: List[Tuple[float, int]] = []
TRUTH: Dict[str, float] = {"seventy": 0.0, "thirty": 0.0, "arrays": 0.0, "sleeping": 0.0}


def seventy() -> None:
    """Take seven parts."""
    total = 0
    for number in range(21000):
        total += number & 255


def thirty() -> None:
    """Take three parts."""
    total = 0
    for number in range(9000):
        total += number & 255


def arrays(values: Any) -> None:
    """Work in C, without the interpreter's lock."""
    for _ in range(10):
        numpy.cumsum(values)


def computing(rounds: int, done: List[Dict[str, float]]) -> None:
    """Compute in Python, in turns of the two."""
    taken = {"seventy": 0.0, "thirty": 0.0}
    for _ in range(rounds):
        begin = time.thread_time()
        seventy()
        middle = time.thread_time()
        thirty()
        taken["seventy"] += middle - begin
        taken["thirty"] += time.thread_time() - middle
    done.append(taken)


def calling(rounds: int, done: List[Dict[str, float]]) -> None:
    """Compute in NumPy."""
    values = numpy.ones(30000)
    begin = time.thread_time()
    for _ in range(rounds):
        arrays(values)
    done.append({"arrays": time.thread_time() - begin})


def sleeping(is_over: threading.Event, done: List[Dict[str, float]]) -> None:
    """Wait, with a look at the memory ten times a second."""
    begin = time.thread_time()
    while not is_over.is_set():
        time.sleep(0.1)
        RESIDENT.append((time.monotonic(), resident()))
    done.append({"sleeping": time.thread_time() - begin})


def resident() -> int:
    """Return the pages of memory that this process has."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1])


def growth() -> float:
    """Return by how many per cent a minute the memory grew, from the first third on."""
    (began, before), (ended, after) = RESIDENT[len(RESIDENT) // 3], RESIDENT[-1]
    return 100 * (after / before - 1) / (ended - began) * 60 if ended > began else 0.0


def main() -> None:
    """Run all of it, to its end."""
    rounds, rate = int(sys.argv[1]), int(sys.argv[2])
    live = LiveMetrics(plugin_name="shares", profile=rate).open()
    is_over = threading.Event()
    done: List[Dict[str, float]] = []
    begin = time.process_time()
    sleeper = threading.Thread(target=sleeping, args=(is_over, done))
    threads = [threading.Thread(target=computing, args=(rounds, done)) for _ in range(3)]
    if numpy is not None:
        threads.append(threading.Thread(target=calling, args=(rounds, done)))
    for thread in [sleeper, *threads]:
        thread.start()
    for thread in threads:
        thread.join()
    is_over.set()
    sleeper.join()
    truth = dict(TRUTH)
    for taken in done:
        for name, seconds in taken.items():
            truth[name] += seconds
    process = time.process_time() - begin
    live.close()
    grew = round(growth(), 3)
    print(json.dumps({"functions": truth, "process": process, "growth_percent_a_minute": grew}))


if __name__ == "__main__":
    main()
