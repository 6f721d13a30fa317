"""One reporter a process: however often a program opens, nests or forgets it."""

import gc
import threading

import pytest

from waggle_live.live import LiveMetrics
from waggle_live.wire.protocol import GAUGE, TIMER

from ..helpers import environment, run_python, write_script


def senders():
    """Return the threads that send."""
    return [thread for thread in threading.enumerate() if thread.name == "waggle-live"]


def test_many_threads_that_each_open_at_once_are_one_session(connect, listener, fast_switching):
    """Each with a handle of its own; nothing is counted twice or lost."""
    barrier = threading.Barrier(8)

    def work():
        barrier.wait()
        live = connect()
        for _ in range(300):
            live.counter("c").inc()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(senders()) == 1
    assert connect().flush(2)
    assert listener.total("counter", "c") == 2400
    assert len(set(listener.sessions)) == 1


def test_nested_and_repeated_blocks_are_one_session(connect, listener):
    """Leaving any of them sends, and ends nothing."""
    outer = connect(interval=60)
    for number in range(20):
        with connect() as one, connect() as two:
            one.counter("c").inc()
            two.counter("c").inc()
        assert listener.wait_for(
            lambda seen, sent=2 * (number + 1): seen.total("counter", "c") == sent
        )
    outer.counter("c").inc()
    assert outer.flush(2)
    assert listener.total("counter", "c") == 41
    assert listener.messages("bye") == []
    assert len(set(listener.sessions)) == 1


def test_a_block_that_another_thread_leaves_costs_the_others_nothing(connect, listener):
    """A helper thread's with block is no end of the main thread's counts."""
    live = connect()

    def helper():
        with live:
            live.counter("c").inc()

    thread = threading.Thread(target=helper)
    thread.start()
    thread.join()
    live.counter("c").inc()
    assert live.flush(2)
    assert listener.total("counter", "c") == 2


def test_the_last_handle_ends_the_session(connect, listener):
    """One that is closed leaves it to the others; one that was thrown away doesn't count."""
    first, second = connect(), connect()
    first.counter("c").inc()
    first.close()
    second.counter("c").inc()
    assert second.flush(2)
    assert listener.messages("bye") == []
    assert listener.total("counter", "c") == 2
    connect_count = len(set(listener.sessions))
    second.close(timeout=5)
    assert len(listener.messages("bye")) == connect_count == 1


@pytest.mark.parametrize(
    "use",
    [
        lambda live: live.counter("x").inc(),
        lambda live: live.gauge("x").set(1),
        lambda live: live.gauge("x").set_function(lambda: 1),
        lambda live: live.rate("x").tick(),
        lambda live: live.timer("x").__enter__().__exit__(None, None, None),
        lambda live: live.timer("x").start().stop(),
        lambda live: live.timer("x")(lambda: None)(),
        lambda live: (live.start_timer("x"), live.stop_timer("x")),
        lambda live: live.declare(x=TIMER, y=GAUGE),
        lambda live: live.count_message("x"),
        lambda live: live.count_upload(),
        lambda live: live.open(),
        lambda live: live.__enter__(),
    ],
)
def test_the_first_use_begins_the_session(listener, use):
    """Making an instrument doesn't; forgetting ``with`` costs nothing."""
    live = LiveMetrics(address="unix://" + listener.path, plugin_name="x", interval=0.02)
    live.timer("t"), live.rate("r"), live.gauge("g"), live.counter("c")
    live.timer("d")(lambda: None)
    live.rate("e")(lambda: None)
    assert senders() == []
    use(live)
    assert len(senders()) == 1
    assert live.flush(2)
    live.close(timeout=5)
    assert len(listener.messages("bye")) == 1


def test_an_import_with_decorated_functions_starts_nothing(listener, tmp_path):
    """A module of 20 decorated functions: no thread, no plugin, until one is called."""
    write_script(
        tmp_path,
        """
        from waggle_live.live import LiveMetrics
        live = LiveMetrics()
        made = [live.timer("t%d" % n)(lambda: None) for n in range(10)]
        made += [live.rate("r%d" % n)(lambda: None) for n in range(10)]
        """,
        "decorated.py",
    )
    path = write_script(
        tmp_path,
        """
        import sys, threading
        import decorated
        print(threading.active_count())
        if sys.argv[1] == "call":
            for function in decorated.made:
                function()
            print(threading.active_count())
        """,
    )
    env = environment("unix://" + listener.path)
    assert run_python(path, "import", env=env) == (0, "1\n", "")
    assert listener.messages() == []
    assert run_python(path, "call", env=env) == (0, "1\n2\n", "")
    assert [listener.total("timer", "t%d" % n) for n in range(10)] == [1] * 10
    assert [listener.total("rate", "r%d" % n) for n in range(10)] == [1] * 10


def test_threads_whose_first_values_come_at_once_lose_none(listener, fast_switching):
    """While the plain buffers are being put in place of those that wait for a first value."""
    for number in range(20):
        live = LiveMetrics(
            address="unix://" + listener.path, plugin_name="x%d" % number, interval=0.02
        )
        work = live.timer("work")(lambda: None)
        barrier = threading.Barrier(4)

        def run(live=live, work=work, barrier=barrier):
            kept = live.timer("kept")  # before 3.10, one that threads share may lose a use
            barrier.wait()
            for _ in range(50):
                live.counter("c").inc()
                work()
                with kept, live.timer("t"):
                    live.rate("r").tick()

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        live.close(timeout=5)
    for kind, name in (
        ("counter", "c"),
        ("timer", "kept"),
        ("timer", "work"),
        ("timer", "t"),
        ("rate", "r"),
    ):
        assert listener.total(kind, name) == 20 * 200, name


def test_a_span_that_was_open_before_the_first_value_counts(connect, listener):
    """It goes on using the buffer of before; failures in it count as well."""
    live = LiveMetrics(address="unix://" + listener.path, plugin_name="x", interval=0.02)
    span = live.timer("t").start()
    with pytest.raises(ValueError):
        with live.timer("t"):
            live.timer("t").start().stop()
            raise ValueError
    span.stop()
    live.close(timeout=5)
    assert listener.total("timer", "t") == 3
    (cell,) = [state for (_, key), state in listener.state().items() if key[:2] == ("timer", "t")]
    assert cell["failures"] == 1


def test_cpu_is_told_once_over_sessions_in_turn_and_side_by_side(listener, tmp_path):
    """Of what the process used, each second is told by one session."""
    path = write_script(
        tmp_path,
        """
        import atexit, time
        atexit.register(lambda: print(time.process_time()))  # before ours, so the last to run
        from waggle_live.live import LiveMetrics

        def burn(seconds):
            end = time.process_time() + seconds
            while time.process_time() < end:
                pass

        other = LiveMetrics(plugin_name="other").open()
        for _ in range(3):
            live = LiveMetrics(plugin_name="x", interval=0.02)
            with live:
                burn(0.1)
            live.close()
        burn(0.2)
        print(time.process_time())
        """,
    )
    status, out, err = run_python(path, env=environment("unix://" + listener.path))
    assert (status, err) == (0, "")
    told = {}
    for session, connection in zip(listener.sessions, listener.connections):
        for message in connection:
            seconds = message.get("process", {}).get("cpu_seconds", 0.0)
            told[session] = max(seconds, told.get(session, 0.0))
    before, after = map(float, out.split())
    assert before <= sum(told.values()) <= after
    assert len(told) == 4


def test_what_nobody_has_any_more_is_forgotten(listener):
    """Identities that a program makes and throws away unused leave nothing behind."""
    from waggle_live.reporter import reporter

    before = len(reporter._known)
    for number in range(50):
        LiveMetrics(address="unix://" + listener.path, plugin_name="gone-%d" % number)
    gc.collect()
    assert len(reporter._known) <= before
