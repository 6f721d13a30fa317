"""Records in threads, forked children and children of multiprocessing, at once.

Arguments: samples per form and thread; names of kinds of children to run (threads, fork,
mp-fork, mp-spawn, mp-forkserver), each with two threads. With ``LINGER`` it says when its own
threads are done, and stays until its input ends.
"""

import multiprocessing
import os
import sys

from known_clock import install
from recording import record_in_threads

from waggle_live import LiveMetrics

THREADS = 2


def inherited_child(live: LiveMetrics, count: int) -> None:
    """A child that goes on with its parent's object (fork)."""
    record_in_threads(live, count, THREADS)


def own_child(count: int) -> None:
    """A child that starts with nothing (spawn, forkserver) and ends without closing."""
    install()
    record_in_threads(LiveMetrics().open(), count, THREADS)


def main(count: int, kinds: "list[str]") -> None:
    install()
    with LiveMetrics() as live:
        pids, children = [], []
        for kind in kinds:
            if kind == "fork":
                pid = os.fork()
                if pid == 0:
                    inherited_child(live, count)
                    live.close("ok")
                    os._exit(0)
                pids.append(pid)
            elif kind.startswith("mp-"):
                context = multiprocessing.get_context(kind[3:])
                if kind == "mp-fork":
                    child = context.Process(target=inherited_child, args=(live, count))
                else:
                    child = context.Process(target=own_child, args=(count,))
                child.start()
                children.append(child)
        if "threads" in kinds:
            record_in_threads(live, count, THREADS)
            if os.environ.get("LINGER"):
                print("recorded", flush=True)
                sys.stdin.read()
        for pid in pids:
            assert os.waitpid(pid, 0)[1] == 0
        for child in children:
            child.join()
            assert child.exitcode == 0


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
