"""Opening, closing, flushing and first values that come in the middle of each other."""

import sys
import threading
import time

import pytest

from waggle_live.live import LiveMetrics

from ..helpers import environment, in_threads, run_python, until, write_script

pytestmark = pytest.mark.oldest_and_newest

REPORTER = ("reporter.py", "sender.py", "session.py", "ends.py", "state.py")


@pytest.fixture
def make(listener):
    """Make a handle that is not open yet."""

    def make(name="storm", **options):
        options.setdefault("interval", 0.02)
        return LiveMetrics(address="unix://" + listener.path, plugin_name=name, **options)

    return make


def ended(listener):
    """Return whether each session that said hello has said goodbye, and no more than that."""
    return 0 < len(listener.messages("bye")) == len(set(listener.sessions))


def test_handles_made_at_once_have_one_reporter(make, fast_switching):
    """However many threads are the first to ask for an identity."""
    for number in range(50):
        made, barrier = [], threading.Barrier(8)

        def work(number=number, made=made, barrier=barrier):
            barrier.wait()
            made.append(make("same-%d" % number))

        in_threads(8, work)
        assert len({id(live._reporter) for live in made}) == 1


def test_a_storm_of_opening_and_closing_counts_exactly(make, listener, fast_switching):
    """Eight threads that each open, count and close, over and over: no value twice, none lost."""

    def work():
        for _ in range(25):
            live = make()
            with live:
                with live.timer("t"):
                    live.counter("c").inc()
            live.close(timeout=10)

    in_threads(8, work)
    last = make()
    last.counter("last").inc()
    last.close(timeout=10)
    assert listener.total("counter", "c") == 200
    assert listener.total("timer", "t") == 200
    assert listener.wait_for(ended)


def test_what_is_recorded_while_a_session_ends_is_of_the_next(make, listener, fast_switching):
    """Threads that go on counting through an object that is closed lose nothing."""
    live, stop, counts = make(), threading.Event(), []

    def work():
        kept = live.timer("kept")  # before 3.10, one that threads share may lose a use
        done = 0
        while not stop.is_set():
            live.counter("c").inc()
            with kept:
                done += 1
        counts.append(done)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        time.sleep(0.02)
        live.close(timeout=10)
    stop.set()
    for thread in threads:
        thread.join()
    live.counter("c").inc()
    live.close(timeout=10)
    assert listener.total("counter", "c") == sum(counts) + 1
    assert listener.total("timer", "kept") == sum(counts)
    assert len(set(listener.sessions)) > 5
    assert listener.wait_for(ended)


def test_what_was_folded_while_a_session_ended_begins_the_next(make, listener):
    """A full buffer is folded by whoever fills it: then none waits, and all was recorded."""
    live = make()
    live.counter("c").inc()
    assert live.flush(10)
    listener.answers.clear()  # so that the session takes its time to end
    closing = threading.Thread(target=live.close, kwargs={"timeout": 2})
    closing.start()
    (bye,) = until(lambda: listener.messages("bye"))
    live.counter("c").inc(5)
    assert all(state.fold() for state in live._registry.states())
    listener.answers.set()
    listener.say({"type": "applied", "number": bye["number"]})
    closing.join()
    assert listener.wait_for(lambda seen: seen.total("counter", "c") == 6)


def test_a_block_that_is_open_while_a_session_ends_counts_in_the_next(make, listener):
    """It is recorded at its end, which comes after the first session's."""
    live = make()
    span = live.timer("t").start()
    live.counter("c").inc()
    with live.timer("t"):
        live.close(timeout=5)
    span.stop()
    live.counter("c").inc()
    live.close(timeout=5)
    assert listener.total("timer", "t") == 2
    assert listener.total("counter", "c") == 2


def test_a_flush_beside_the_end_waits_for_no_answer_that_never_comes(make, listener):
    """Those who flush while another closes are done when it is."""
    live, took = make(), []
    for _ in range(20):
        live.counter("c").inc()
        barrier = threading.Barrier(5)

        def flush(barrier=barrier):
            barrier.wait()
            begin = time.monotonic()
            live.flush(20)
            took.append(time.monotonic() - begin)

        threads = [threading.Thread(target=flush) for _ in range(4)]
        for thread in threads:
            thread.start()
        barrier.wait()
        live.close(timeout=20)
        for thread in threads:
            thread.join()
    assert max(took) < 10
    assert listener.total("counter", "c") == 20


def test_a_gauge_function_may_close(make, listener):
    """In the sender's own thread, which then can't wait for itself."""
    live = make()

    def closing():
        live.close(timeout=20)
        return 1

    begin = time.monotonic()
    live.gauge("g").set_function(closing)
    assert listener.wait_for(ended)
    assert time.monotonic() - begin < 10
    live.gauge("g").set_function(None)


@pytest.mark.skipif(sys.gettrace() is not None, reason="another tracer runs")
def test_a_first_value_in_the_middle_of_a_start_begins_one_session(make, listener):
    """From a signal handler or a GC callback, at each line of what starts the session."""
    at = 0
    while True:
        live, lines = make("traced-%d" % at), iter(range(10**6))

        def interrupt(*_):
            if next(lines) == at:  # noqa: B023
                sys.settrace(None)
                live.counter("inner").inc()  # noqa: B023

        def trace(frame, event, arg):
            if frame.f_code.co_filename.endswith(REPORTER):
                interrupt()
                return lambda *_: interrupt()
            return None

        sys.settrace(trace)
        try:
            live.counter("outer").inc()
        finally:
            sys.settrace(None)
        is_over = next(lines) <= at
        live.counter("inner" if is_over else "outer").inc()
        live.close(timeout=5)
        if is_over:
            break
        at += 1
    assert at > 20
    assert len(set(listener.sessions)) == at + 1
    assert listener.total("counter", "outer") == 2 * at + 1
    assert listener.total("counter", "inner") == at + 1


def test_recording_goes_on_at_shutdown_and_begins_nothing(listener, tmp_path):
    """Daemon threads count on while the interpreter ends: each session says goodbye."""
    path = write_script(
        tmp_path,
        """
        import threading, time
        from waggle_live.live import LiveMetrics
        live = LiveMetrics(interval=0.01).open()
        def work():
            while True:
                live.counter("c").inc()
                time.sleep(0.0001)
        for _ in range(4):
            threading.Thread(target=work, daemon=True).start()
        time.sleep(0.05)
        """,
    )
    for _ in range(10):
        assert run_python(path, env=environment("unix://" + listener.path)) == (0, "", "")
    assert len(set(listener.sessions)) == 10
    assert listener.wait_for(ended)


def test_opening_and_closing_leaves_nothing_behind(listener, tmp_path):
    """Thousands of blocks, and hundreds of sessions, with multiprocessing loaded: memory is
    flat, and one thread is left."""
    path = write_script(
        tmp_path,
        """
        import gc, multiprocessing.util, threading
        from multiprocessing import util
        from waggle_live.live import LiveMetrics

        def resident():
            gc.collect()
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * 4

        def blocks(times):
            for _ in range(times):
                with LiveMetrics() as live:
                    with live.timer("t"):
                        live.counter("c").inc()

        def sessions(times):
            for _ in range(times):
                live = LiveMetrics(plugin_name="other")
                live.counter("c").inc()
                live.close()

        blocks(200), sessions(50)
        before = resident(), len(util._afterfork_registry), len(util._finalizer_registry)
        blocks(10000), sessions(300)
        after = resident(), len(util._afterfork_registry), len(util._finalizer_registry)
        assert after[0] - before[0] < 2048, (before, after)
        assert after[1:] == before[1:], (before, after)
        assert threading.active_count() <= 2, threading.enumerate()
        """,
    )
    env = environment("unix://" + listener.path)
    assert run_python(path, env=env, timeout=100) == (0, "", "")
    assert listener.total("counter", "c") == 10200 + 350


@pytest.mark.skipif(sys.version_info < (3, 8), reason="older ones have none in Python")
@pytest.mark.parametrize("kind", ["isolated", "legacy"])
def test_a_subinterpreter_goes_without(listener, tmp_path, kind):
    """A thread in one is refused by Python, or crashes the process at its end. So there is none:
    nothing raises, and one line says so."""
    path = write_script(
        tmp_path,
        """
        import sys
        text = '''
        from waggle_live.live import LiveMetrics
        live = LiveMetrics()
        live.counter("c").inc()
        with live.open() as opened:
            opened.timer("t").start().stop()
            assert opened.flush(0.1) is False
        live.close()
        '''
        kind = sys.argv[1]
        if sys.version_info >= (3, 13):
            import _interpreters
            failed = _interpreters.exec(_interpreters.create(kind), text)
            assert failed is None, failed
        else:
            import _xxsubinterpreters as interpreters
            options = {"isolated": kind == "isolated"} if sys.version_info >= (3, 9) else {}
            made = interpreters.create(**options)
            interpreters.run_string(made, text)
            interpreters.destroy(made)
        """,
    )
    status, out, err = run_python(path, kind, env=environment("unix://" + listener.path))
    assert (status, out, err.count("no thread can be started")) == (0, "", 1), err
    assert err.count("\n") == 1
    assert not listener.sessions
