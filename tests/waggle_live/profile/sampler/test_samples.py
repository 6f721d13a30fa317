"""Samples of programs whose truth is known."""

import json
import sys

import pytest

from ...helpers import ROOT, environment, run_python
from .plugins import functions, play

needs_clocks = pytest.mark.skipif(sys.version_info < (3, 8), reason="threads have no clocks")


@needs_clocks
@pytest.mark.alone
def test_shares_of_work_are_those_of_the_threads_own_clocks(listener):
    """Two functions 70:30 in three threads, NumPy in a fourth, and one that sleeps."""
    path = str(ROOT / "bench" / "plugins" / "shares.py")
    env = environment("unix://" + listener.path)
    status, out, err = run_python(path, "1500", "100", env=env, timeout=120)
    assert (status, err) == (0, "")
    truth, found = json.loads(out), functions(listener)
    total = sum(each.get("exclusive_cpu", 0) for each in found.values())
    assert total == pytest.approx(truth["process"], rel=0.1, abs=0.1)
    real = sum(truth["functions"].values())
    for name in ("seventy", "thirty"):
        share = found[name]["exclusive_cpu"] / total
        # Some hundred samples: the long form, in bench/profile.py, holds it to 5 points.
        assert share == pytest.approx(truth["functions"][name] / real, abs=0.15), name
    assert found.get("sleeping", {}).get("exclusive_cpu", 0) < 0.02 * total


@needs_clocks
@pytest.mark.alone
def test_what_was_used_before_a_wait_is_not_the_waiting_functions(listener, tmp_path):
    """A loop that hashes and waits, mostly found waiting: its CPU is the hashing function's."""
    text = """
import hashlib
data = bytes(8000000)

def hashing():
    hashlib.sha256(data).digest()

def waiting():
    time.sleep(0.03)

live = LiveMetrics(plugin_name="p", profile=200).open()
end = time.monotonic() + 4
while time.monotonic() < end:
    hashing()
    waiting()
live.close()
"""
    play(listener, tmp_path, text)
    found = functions(listener)
    assert found["waiting"]["exclusive"] > 0.5
    # Counted for whom each sample finds, it would be a tenth of it.
    assert found["hashing"]["exclusive_cpu"] > found["waiting"].get("exclusive_cpu", 0)


@needs_clocks
def test_threads_in_c_count_for_the_functions_that_run_meanwhile(listener, tmp_path):
    """The total is the CPU of the process, that of threads that Python doesn't know included."""
    text = """
import _thread

def unknown():
    work(0.5)
    done.release()

done = _thread.allocate_lock()
live = LiveMetrics(plugin_name="p", profile=100).open()
work(0.2)
done.acquire()
begin = time.process_time()
_thread.start_new_thread(unknown, ())
done.acquire()
work(0.2)
live.close()
print(time.process_time() - begin)
"""
    used = float(play(listener, tmp_path, text))
    total = sum(each.get("exclusive_cpu", 0) for each in functions(listener).values())
    assert total == pytest.approx(used + 0.2, rel=0.3)


def test_recursion_counts_once(listener, tmp_path):
    """Inclusive time is no more than the time that there was, however deep the stack."""
    text = """
def fall(depth):
    if depth:
        return fall(depth - 1)
    work(0.5)

begin = time.monotonic()  # before the first sample, which counts from its start
live = LiveMetrics(plugin_name="p", profile=100).open()
fall(300)
live.close()
print(time.monotonic() - begin)
"""
    took = float(play(listener, tmp_path, text))
    found = functions(listener)
    assert 0.1 < found["work"]["inclusive"] <= took
    assert found.get("fall", {}).get("inclusive", 0) <= took


def test_ten_thousand_threads_come_and_go(listener, tmp_path):
    """At 200 samples a second, beside threads that start and end all the time."""
    text = """
live = LiveMetrics(plugin_name="p", profile=200).open()
for _ in range(625):
    threads = [threading.Thread(target=int) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
live.close()
"""
    play(listener, tmp_path, text)
    assert functions(listener)


def test_no_frame_is_kept(listener, tmp_path):
    """What a function held is gone with its end, without a collection of garbage."""
    text = """
import gc, weakref
class Held: pass
gc.disable()
live = LiveMetrics(plugin_name="p", profile=200).open()

def hold():
    held = Held()
    work(0.05)
    return weakref.ref(held)

def in_threads():
    kept = []
    threads = [threading.Thread(target=lambda: kept.append(hold())) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return kept

kept = [hold() for _ in range(10)] + in_threads()
end = time.monotonic() + 20
while any(each() for each in kept) and time.monotonic() < end:
    time.sleep(0.02)
print([each() for each in kept if each() is not None])
live.close()
"""
    assert play(listener, tmp_path, text) == "[]\n"


def test_our_own_threads_are_left_out(listener, tmp_path):
    """Neither the sender nor the sampler is among the functions."""
    text = """
live = LiveMetrics(plugin_name="p", profile=200, interval=0.01).open()
timer = live.timer("t")
end = time.monotonic() + 1
while time.monotonic() < end:
    with timer:
        work(0.001)
live.close()
"""
    play(listener, tmp_path, text)
    found = functions(listener)
    assert "work" in found
    assert not {"_sample", "_step", "_run", "begin"} & set(found)


def test_hundreds_of_idle_threads_cost_little(listener, tmp_path):
    """They are looked at less often, and the profiler takes its share of CPU and no more."""
    text = """
live = LiveMetrics(plugin_name="p").open()
done = threading.Event()
threads = [threading.Thread(target=done.wait, daemon=True) for _ in range(500)]
[thread.start() for thread in threads]
def used(seconds):
    begin, before = time.monotonic(), time.process_time()
    time.sleep(seconds)
    return (time.process_time() - before) / (time.monotonic() - begin)
without = used(0.5)
live = LiveMetrics(plugin_name="p", profile=50)
used(0.5)
print(used(1) - without)
done.set()
"""
    assert float(play(listener, tmp_path, text)) < 0.08
