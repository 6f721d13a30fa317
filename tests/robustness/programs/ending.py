"""A plugin that records in two threads and the main one, and then ends in some way.

Arguments: the way; how often each thread records. Prints how much was recorded in all, and in
the end the seconds since then, to the end of all exit functions.
"""

import atexit
import sys
import threading
import time

# Registered before those of waggle_live, so the last of them to run.
atexit.register(lambda: print(time.monotonic() - done))

from waggle_live import LiveMetrics  # noqa: E402

WAY, COUNT = sys.argv[1], int(sys.argv[2])


def record(live: LiveMetrics) -> None:
    """Record ``COUNT`` increments and as many blocks."""
    counter = live.counter("done")
    for _ in range(COUNT):
        counter.inc()
        with live.timer("block"):
            pass


def record_in_threads(live: LiveMetrics) -> None:
    """Record in the main thread and two more."""
    threads = [threading.Thread(target=record, args=(live,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    record(live)
    for thread in threads:
        thread.join()
    print(3 * COUNT, flush=True)
    global done
    done = time.monotonic()


def record_later(live: LiveMetrics) -> None:
    """Go on when the main thread has ended."""
    threading.main_thread().join()
    time.sleep(0.3)
    record_in_threads(live)


if WAY == "block":
    with LiveMetrics() as opened:
        record_in_threads(opened)
elif WAY == "exit":
    with LiveMetrics() as opened:
        record_in_threads(opened)
        sys.exit(3)
elif WAY == "exit-unclosed":
    record_in_threads(LiveMetrics().open())
    sys.exit(3)
elif WAY == "exception":
    with LiveMetrics() as opened:
        record_in_threads(opened)
        raise RuntimeError("as told")
elif WAY == "exception-unclosed":
    record_in_threads(LiveMetrics().open())
    raise RuntimeError("as told")
elif WAY == "thread":
    threading.Thread(target=record_later, args=(LiveMetrics().open(),)).start()
elif WAY == "waiting":
    with LiveMetrics() as opened:
        record_in_threads(opened)
        while True:
            time.sleep(60)
elif WAY == "waiting-unclosed":
    record_in_threads(LiveMetrics().open())
    while True:
        time.sleep(60)
elif WAY == "counting":
    with LiveMetrics() as opened:
        done = 0
        while True:
            opened.counter("done").inc()
            done += 1
            print(time.monotonic(), done, flush=True)
            time.sleep(0.002)
