"""Records in two threads until standard input ends; prints how many recordings it made.

Argument: seconds after which a process ends and the next one of the same plugin begins, by
forking, so that sessions end and begin all the time; 0 for one process.
"""

import os
import select
import sys
import threading
import time

from known_clock import install
from recording import record

from waggle_live import LiveMetrics

BATCH = 20


def record_until(live: LiveMetrics, stop: threading.Event, counts: "list[int]") -> None:
    """Record batches until ``stop`` is set."""
    while not stop.is_set():
        record(live, BATCH)
        counts.append(BATCH)
        time.sleep(0.002)


def one_life(live: LiveMetrics, seconds: float) -> int:
    """Record in two threads for so long, or until standard input ends; return how many."""
    stop, counts = threading.Event(), []
    threads = [threading.Thread(target=record_until, args=(live, stop, counts)) for _ in range(2)]
    for thread in threads:
        thread.start()
    select.select([sys.stdin], [], [], seconds or None)
    stop.set()
    for thread in threads:
        thread.join()
    return sum(counts)


def main(seconds: float) -> None:
    install()
    with LiveMetrics() as live:
        total = 0
        while seconds and not select.select([sys.stdin], [], [], 0)[0]:
            read_end, write_end = os.pipe()
            pid = os.fork()
            if pid == 0:
                count = one_life(live, seconds)
                # Until the collector has it: this test is about the collector's deaths, and a
                # process that ends while there is none for more than 0.5 s loses its last state.
                while not live.flush(5):
                    pass
                live.close("ok", timeout=60)
                os.write(write_end, b"%d" % count)
                os._exit(0)
            os.close(write_end)
            with os.fdopen(read_end) as pipe:
                total += int(pipe.read())
            os.waitpid(pid, 0)
        if not seconds:
            total = one_life(live, 0)
            while not live.flush(5):
                pass
        print(total)


if __name__ == "__main__":
    main(float(sys.argv[1]))
