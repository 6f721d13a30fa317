"""Programs of each shape that real plugins have; the argument names one.

Prints a line of JSON for each process, and for each task of a pool: its pid, and what it has
recorded, published and used of the CPU by then.
"""

import concurrent.futures
import json
import multiprocessing
import os
import sys
import threading
import time
from typing import Any, Callable

from waggle.plugin import plugin as pywaggle

from waggle_live import LiveMetrics, Plugin


class NoBroker:
    """In the place of pywaggle's publisher, which waits a second for a broker that isn't there."""

    def __init__(self, *_: Any) -> None:
        self.done = threading.Event()
        self.done.set()


pywaggle.RabbitMQPublisher = NoBroker

#: Seconds of CPU time that one piece of work takes.
SECONDS = 0.01

live = LiveMetrics()
counter = live.counter("done")
kept = live.timer("kept")
published = 0


@live.timer("decorated")
def work() -> None:
    """Use the CPU, and record with an instrument of each form."""
    end = time.thread_time() + SECONDS
    while time.thread_time() < end:
        pass
    with kept:
        counter.inc()


def publish(plugin: Any) -> None:
    """Do one piece of work and publish a message of it."""
    global published
    work()
    plugin.publish("shape", 1)
    published += 1


def report(done: int) -> None:
    """Print what this process has done so far, in one piece."""
    facts = {"pid": os.getpid(), "done": done, "messages": published}
    facts["cpu"] = time.process_time()
    os.write(1, (json.dumps(facts) + "\n").encode())


def in_threads(number: int, target: "Callable[[], None]") -> None:
    """Run ``target`` in so many threads at once."""
    barrier = threading.Barrier(number)

    def run() -> None:
        barrier.wait()
        target()

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def repeat(times: int) -> None:
    """Work so many times."""
    for _ in range(times):
        work()


def threads_that_open() -> None:
    """Eight threads open at once, each with an object of its own."""

    def run() -> None:
        with LiveMetrics().open() as own:
            for _ in range(10):
                work()
                own.counter("own").inc()

    in_threads(8, run)
    report(80)


def nested() -> None:
    """Five blocks within each other."""
    with Plugin() as a, Plugin() as b, LiveMetrics(), live, live:
        for _ in range(25):
            publish(a)
            publish(b)
    report(50)


def one_each() -> None:
    """A Plugin for each of 100 measurements."""
    for _ in range(100):
        with Plugin() as plugin:
            publish(plugin)
    report(100)


def four_at_once() -> None:
    """Four Plugins at once, in threads."""

    def run() -> None:
        with Plugin() as plugin:
            for _ in range(20):
                publish(plugin)

    in_threads(4, run)
    report(80)


def never_opens() -> None:
    """Instruments alone, no block."""
    repeat(50)
    report(50)


def one_shot() -> None:
    """One publish, then a second of work that nothing measures."""
    with Plugin() as plugin:
        publish(plugin)
        end = time.process_time() + 1.0
        while time.process_time() < end:
            pass
    report(1)


def child(times: int) -> None:
    """What a child of multiprocessing does."""
    repeat(times)
    report(times)


def forks() -> None:
    """Children by os.fork, which end by sys.exit."""
    repeat(20)
    pids = []
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            child(30)
            sys.exit()
        pids.append(pid)
    for pid in pids:
        assert os.waitpid(pid, 0)[1] == 0
    report(20)


def processes(method: str, before: int) -> None:
    """Children of multiprocessing."""
    repeat(before)
    context: Any = multiprocessing.get_context(method)
    children = [context.Process(target=child, args=(30,)) for _ in range(3)]
    for each in children:
        each.start()
    for each in children:
        each.join()
        assert each.exitcode == 0
    if before:  # a parent that records nothing is no process of the plugin
        report(before)


done_here = 0


def task(times: int) -> None:
    """One task of a pool's worker, which has several."""
    global done_here
    repeat(times)
    done_here += times
    report(done_here)


def pool() -> None:
    """A pool that is closed and joined."""
    repeat(20)
    with multiprocessing.Pool(2) as workers:
        workers.map(task, [10] * 6, chunksize=1)
        workers.close()
        workers.join()
    report(20)


def executor() -> None:
    """Workers of concurrent.futures."""
    repeat(20)
    with concurrent.futures.ProcessPoolExecutor(2) as workers:
        list(workers.map(task, [10] * 6))
    report(20)


def until_killed() -> None:
    """Counts until somebody ends it; says once that all of a first count has arrived."""
    counter.inc()
    while not live.flush(1):
        pass
    os.write(1, b"here\n")
    while True:
        time.sleep(0.05)
        counter.inc()


def unanswered() -> None:
    """Counts, and says once that it has sent it, whether anybody reads it or not."""
    counter.inc()
    sender = live._reporter._sender
    while sender is None or sender._sent_on is None:
        time.sleep(0.01)
    os.write(1, b"here\n")
    time.sleep(60)


SHAPES: "dict[str, Callable[[], None]]" = {
    "threads": threads_that_open,
    "nested": nested,
    "one-each": one_each,
    "four": four_at_once,
    "never": never_opens,
    "one-shot": one_shot,
    "fork": forks,
    "mp-fork": lambda: processes("fork", 20),
    "mp-spawn": lambda: processes("spawn", 20),
    "mp-forkserver": lambda: processes("forkserver", 20),
    "waiting-fork": lambda: processes("fork", 0),
    "waiting-spawn": lambda: processes("spawn", 0),
    "waiting-forkserver": lambda: processes("forkserver", 0),
    "pool": pool,
    "executor": executor,
    "until-killed": until_killed,
    "unanswered": unanswered,
}

if __name__ == "__main__":
    SHAPES[sys.argv[1]]()
