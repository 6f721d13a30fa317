"""A deadline held on a core that others come to and leave: real work, real contention.

The plugin, and in the middle third of the time three hogs, share one core. The same policy is fed
differences between periods, and, as the negative control, means of the last 10 s.
"""

import concurrent.futures
import multiprocessing
import os
import time
from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy as np

#: Pixels of a frame at each setting, and so what it costs.
SIZES = (40_000, 110_000, 320_000, 750_000)
RATE, HOGS, PERIOD = 20.0, 3, 1.0
#: The deadline is so many times what the dearest setting takes alone.
DEADLINE = 1.5

Frame = Tuple[float, float]


def run(short: bool = False) -> Iterator[Dict[str, Any]]:
    """Yield a row for each way to measure."""
    for subject, window in (("differences", None), ("means of 10 s", 10.0)):
        # In a process of its own, which the scheduler takes for nobody else.
        with concurrent.futures.ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn")
        ) as pool:
            yield pool.submit(_measure, subject, window, 30.0 if short else 90.0).result()


def _measure(subject: str, window: Optional[float], seconds: float) -> Dict[str, Any]:
    from waggle_live_controller import DeadlinePolicy

    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    images = [np.ones(size, dtype=np.float32) for size in SIZES]
    alone = sorted(_frame(images[-1]) for _ in range(20))[10]
    deadline = DEADLINE * alone
    policy = DeadlinePolicy(SIZES, deadline, period=PERIOD)
    frames: List[Frame] = []
    changes: List[float] = []
    late = halves = 0
    begin = time.monotonic()
    decided = checked = 0.0
    hogs: List[Any] = []
    while True:
        now = time.monotonic() - begin
        if now >= seconds:
            break
        busy = seconds / 3 <= now < 2 * seconds / 3
        if busy and not hogs:
            hogs = [_hog() for _ in range(HOGS)]
        if not busy and hogs:
            _end(hogs)
            hogs = []
        took = _frame(images[policy.setting])
        done = now + took
        frames.append((done, took))
        if done - checked >= 0.5:
            mean, _ = _mean(frames, checked)
            late, halves, checked = late + (mean is not None and mean > deadline), halves + 1, done
        if done - decided >= PERIOD:
            measured, samples = _mean(frames, done - window if window else decided)
            decision = policy.decide(done, measured, samples)
            decided = done if decision.fresh else decided
            changes += [done] if decision.changed else []
        time.sleep(max(0.0, 1 / RATE - took))
    _end(hogs)
    loaded = [change - seconds / 3 for change in changes if seconds / 3 <= change < seconds * 2 / 3]
    return {
        "case": "deadline",
        "subject": subject,
        "deadline_ms": round(deadline * 1e3, 1),
        "late_percent": round(100 * late / max(halves, 1), 1),
        "changes": len(changes),
        "last_change_under_load_s": round(loaded[-1], 1) if loaded else 0.0,
    }


def _frame(image: Any) -> float:
    begin = time.perf_counter()
    for _ in range(4):
        np.sqrt(image * image + 1.0)
    return time.perf_counter() - begin


def _mean(frames: List[Frame], since: float) -> Tuple[Optional[float], int]:
    times = [took for done, took in frames if done > since]
    return (sum(times) / len(times) if times else None), len(times)


def _hog() -> Any:
    process = multiprocessing.get_context("fork").Process(target=_burn, daemon=True)
    process.start()
    return process


def _burn() -> None:
    while True:
        pass


def _end(hogs: List[Any]) -> None:
    for hog in hogs:
        hog.kill()
        hog.join()
