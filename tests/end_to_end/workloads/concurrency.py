"""Programs of each way to do several things at once; the argument names one.

Each records the pieces of the numbers 0 to 299. A block that others run within is "waiting".
"""

import os
import sys

NUMBERS = list(range(300))
PARTS = [NUMBERS[first::6] for first in range(6)]
KIND = sys.argv[1]

if __name__ == "__main__":  # a spawned child patches nothing: it is not the program's main
    if KIND == "gevent":
        import gevent.monkey

        gevent.monkey.patch_all()
    elif KIND == "eventlet":
        import eventlet

        eventlet.monkey_patch()

from pieces import live, piece, pieces  # noqa: E402

if __name__ == "__main__":
    if KIND == "gevent-late":
        import gevent.monkey

        live.open()
        gevent.monkey.patch_all()
    elif KIND == "eventlet-late":
        import eventlet

        live.open()
        eventlet.monkey_patch()


def greenlets() -> None:
    """What ``threading`` starts is a greenlet now; so are locks, sleeps and children awaited."""
    import subprocess
    import threading
    import time

    flushed = []

    def work(numbers: "list[int]") -> None:
        for number in numbers:
            piece(number)
            with live.timer("waiting"):
                time.sleep(0.0005)
        flushed.append(live.flush(10))

    with live:
        threads = [threading.Thread(target=work, args=(part,)) for part in PARTS[:4]]
        for thread in threads:
            thread.start()
        assert subprocess.check_output(["echo", "hello"]) == b"hello\n"
        for thread in threads:
            thread.join()
        assert flushed == [True] * 4
    pid = os.fork()
    if pid == 0:
        work(PARTS[4])
        assert flushed[-1]
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    work(PARTS[5])
    assert flushed[-1]


def with_trio() -> None:
    """Trio's tasks, some of them in its threads."""
    import trio

    async def work(numbers: "list[int]") -> None:
        for number in numbers:
            piece(number)
            with live.timer("waiting"):
                await trio.sleep(0.0005)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for part in PARTS[:4]:
                nursery.start_soon(work, part)
            for part in PARTS[4:]:
                nursery.start_soon(trio.to_thread.run_sync, pieces, part)

    trio.run(main)


async def with_asyncio() -> None:
    """Tasks, some work in threads and in a subprocess beside them."""
    import asyncio

    async def work(numbers: "list[int]") -> None:
        for number in numbers:
            piece(number)
            with live.timer("waiting"):
                await asyncio.sleep(0.0005)

    tasks = [work(part) for part in PARTS[:4]]
    threads = [asyncio.to_thread(pieces, part) for part in PARTS[4:]]
    child = await asyncio.create_subprocess_exec("true")
    await asyncio.gather(*tasks, *threads, child.wait())


def with_uvloop() -> None:
    """The same under uvloop."""
    import uvloop

    uvloop.run(with_asyncio())


def run_asyncio() -> None:
    """asyncio's own loop."""
    import asyncio

    asyncio.run(with_asyncio())


def joblib(backend: str) -> None:
    """A parallel loop of joblib's."""
    import joblib
    from joblib.externals.loky import get_reusable_executor

    live.open()
    with joblib.parallel_backend(backend, n_jobs=2):
        found = joblib.Parallel()(joblib.delayed(pieces)(part) for part in PARTS)
    assert sum(found) == sum(NUMBERS)
    if backend == "loky":
        get_reusable_executor().shutdown(wait=True)


def executor(method: str) -> None:
    """Workers of concurrent.futures, in processes made in that way."""
    import concurrent.futures
    import multiprocessing

    live.open()
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as workers:
        assert sum(workers.map(pieces, PARTS)) == sum(NUMBERS)


KINDS = {
    "gevent": greenlets,
    "gevent-late": greenlets,
    "eventlet": greenlets,
    "eventlet-late": greenlets,
    "trio": with_trio,
    "asyncio": run_asyncio,
    "uvloop": with_uvloop,
    "joblib-loky": lambda: joblib("loky"),
    "joblib-threading": lambda: joblib("threading"),
    "executor-fork": lambda: executor("fork"),
    "executor-spawn": lambda: executor("spawn"),
    "executor-forkserver": lambda: executor("forkserver"),
}

if __name__ == "__main__":
    KINDS[KIND]()
