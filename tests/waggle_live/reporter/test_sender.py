"""The sender: state and not deltas, over whatever connection there is."""

import gc
import threading
import time
import tracemalloc

import pytest

from ..helpers import problems, spin

pytestmark = pytest.mark.oldest_and_newest


def test_hello_comes_first_and_values_soon(listener, connect):
    """A connection begins with hello; a value is there within some intervals."""
    live = connect(interval=0.25)
    live.counter("c").inc(3)
    began = time.monotonic()
    assert listener.wait_for(lambda seen: seen.total("counter", "c") == 3)
    assert time.monotonic() - began < 2.5
    assert [m["type"] for m in listener.messages()][:2] == ["hello", "update"]
    hello = listener.messages("hello")[0]
    assert hello["plugin"] == "test"


def test_state_and_not_deltas(listener, connect):
    """Each update carries the cumulative state of the cells that changed, and only of those."""
    live = connect()
    live.counter("still").inc()
    assert live.flush(2)
    for total in (1, 2, 3):
        live.counter("c").inc()
        assert live.flush(2)
        assert listener.total("counter", "c") == total
    sent = [cell["name"] for m in listener.messages("update") for cell in m["cells"]]
    assert sent.count("still") == 1
    assert sent.count("c") == 3


def test_nothing_new_is_no_cell(listener, connect):
    """While nothing is recorded, no cell is sent."""
    live = connect()
    live.counter("c").inc()
    assert live.flush(2)
    count = len([m for m in listener.messages("update") if m["cells"]])
    time.sleep(0.2)
    assert len([m for m in listener.messages("update") if m["cells"]]) == count


def numbers(listener):
    return [message["number"] for message in listener.messages("update")]


def test_everything_again_after_a_reconnect(listener, connect):
    """After a lost connection the same session sends every cell, with a higher number."""
    live = connect()
    live.counter("a").inc(5)
    live.timer("b").start().stop()
    assert live.flush(2)
    for lost in range(1, 4):
        listener.hang_up()
        assert listener.wait_for(lambda seen, n=lost: len(seen.connections) > n)
        assert listener.wait_for(lambda seen: [m for m in seen.connections[-1] if m.get("cells")])
        again = {c["name"]: c for m in listener.connections[-1] for c in m.get("cells", ())}
        assert again["a"]["value"] == 5
        assert again["b"]["count"] == 1
    assert len(set(listener.sessions)) == 1
    assert len({message["key"] for message in listener.messages("hello")}) == 1
    assert numbers(listener) == sorted(set(numbers(listener)))
    since = [(m["since"], m["monotonic"]) for m in listener.messages("update")]
    assert all(before <= now for before, now in since)
    assert [now for _, now in since] == sorted(now for _, now in since)


def test_a_listener_that_comes_later(listener, connect, caplog):
    """Recorded before there was a collector, it is all there once there is one."""
    listener.stop()
    live = connect()
    for _ in range(10):
        live.counter("c").inc()
        time.sleep(0.005)
    listener.start()
    assert listener.wait_for(lambda seen: seen.total("counter", "c") == 10)
    assert caplog.records == []


def test_a_replaced_listener(listener, connect):
    """A new socket at the path is connected to, though the old one never said a word."""
    from ..listener import Listener

    live = connect()
    live.counter("c").inc(4)
    assert live.flush(2)
    second = Listener(listener.path)  # unlinks and binds; the first goes on listening on nothing
    try:
        assert second.wait_for(lambda seen: seen.total("counter", "c") == 4)
        live.counter("c").inc()
        assert live.flush(2)
        assert second.total("counter", "c") == 5
        assert listener.total("counter", "c") == 4
    finally:
        second.stop(unlink=False)


def test_the_end_of_an_idle_connection_is_noticed(listener, connect):
    """With nothing new to say, a dead collector is noticed and the next one gets everything."""
    live = connect()
    live.counter("c").inc()
    assert live.flush(2)
    listener.stop()
    before = len(listener.connections)
    listener.start()
    assert listener.wait_for(
        lambda seen: [m for c in seen.connections[before:] for m in c if m.get("cells")]
    )


def test_a_listener_that_does_not_read(listener, connect, fast_switching):
    """The plugin is never blocked, memory stays bounded, and all is there when reading goes on."""
    listener.reads.clear()
    live = connect()
    for i in range(900):
        live.timer("t", i=str(i) + "x" * 200).start().stop()
    time.sleep(0.1)
    gc.collect()
    tracemalloc.start()
    longest = 0.0
    try:
        for _ in range(20000):
            began = time.perf_counter()
            live.timer("hot").start().stop()
            live.timer("t", i="7" + "x" * 200).start().stop()
            longest = max(longest, time.perf_counter() - began)
        time.sleep(0.1)
        grown = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert longest < 5  # nobody would ever read
    assert grown < 8 << 20
    began = time.monotonic()
    assert live.flush(0.2) is False
    assert time.monotonic() - began < 5
    listener.reads.set()
    assert live.flush(5)
    assert listener.total("timer", "hot") == 20000
    assert listener.total("timer", "t", i="7" + "x" * 200) == 20001
    assert len(listener.state()) >= 901


def test_flush_under_load(listener, connect):
    """A flush ends while threads record into very many series all the time."""
    live = connect()
    timers = [live.timer("t", i="%03d" % i + "x" * 240) for i in range(300)]
    done = threading.Event()

    def work():
        while not done.is_set():
            for timer in timers:
                timer.start().stop()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        live.counter("before").inc()
        assert live.flush(100)  # it ends; how soon depends on the machine
        assert listener.total("counter", "before") == 1
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_flush_says_the_truth(listener, connect):
    """True once applied; False within its time when unanswered or not connected."""
    live = connect()
    live.counter("c").inc()
    assert live.flush() is True
    listener.answers.clear()
    began = time.monotonic()
    assert live.flush(0.1) is False
    assert 0.09 <= time.monotonic() - began < 5
    listener.answers.set()
    assert live.flush(2) is True
    listener.stop()
    began = time.monotonic()
    assert live.flush(0.1) is False
    assert time.monotonic() - began < 5
    listener.start()
    assert live.flush(2) is True


def test_flush_bridges_a_restart(listener, connect):
    """A collector that restarts during a flush answers it."""
    live = connect()
    live.counter("c").inc()
    assert live.flush(2)
    listener.stop()
    threading.Timer(0.2, listener.start).start()
    live.counter("c").inc()
    assert live.flush(5) is True
    assert listener.total("counter", "c") == 2


@pytest.mark.parametrize("timeout", [0, -1, 1e-9, float("nan")])
def test_flush_without_time(listener, connect, timeout):
    """A flush without time returns at once, and the next one is right."""
    live = connect()
    listener.answers.clear()
    began = time.monotonic()
    assert live.flush(timeout) is False
    assert time.monotonic() - began < 5
    listener.answers.set()
    assert live.flush(2) is True


@pytest.mark.parametrize("timeout", [float("inf"), 1e20, 10**30])
def test_flush_with_all_the_time(connect, timeout):
    """An endless timeout is no error."""
    assert connect().flush(timeout) is True


def test_flushes_from_many_threads(listener, connect):
    """Each flush has what its thread recorded before it."""
    live = connect()
    wrong = []

    def work(name):
        for i in range(1, 11):
            live.counter(name).inc()
            if not live.flush(5) or listener.total("counter", name) < i:
                wrong.append((name, i))

    threads = [threading.Thread(target=work, args=("c%d" % i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_exact_while_everything_happens(listener, connect, fast_switching):
    """Threads record, others flush, the connection is lost again and again: exact at the end."""
    live = connect()
    done = threading.Event()
    per_thread = 20000

    def record():
        timer, counter = live.timer("t"), live.counter("c")
        for i in range(per_thread):
            with live.timer("t"):
                counter.inc(2)
            if i % 100 == 0:
                timer.start().stop()

    def flush():
        while not done.is_set():
            live.flush(0.05)

    recording = [threading.Thread(target=record) for _ in range(3)]
    flushing = threading.Thread(target=flush)
    for thread in [*recording, flushing]:
        thread.start()
    while any(thread.is_alive() for thread in recording):
        time.sleep(0.05)
        listener.hang_up()
    done.set()
    flushing.join()
    assert live.flush(5)
    assert listener.total("timer", "t") == 3 * per_thread + 3 * per_thread // 100
    assert listener.total("counter", "c") == 6 * per_thread
    assert problems(live) == {}


def test_process_figures(listener, connect):
    """CPU seconds and memory come with the first update and about each second under load."""
    live = connect()
    assert listener.wait_for(lambda seen: any("process" in m for m in seen.messages("update")))
    first = next(m for m in listener.messages("update") if "process" in m)["process"]
    assert first["cpu_seconds"] > 0
    assert first["memory_bytes"] > 1 << 20

    def with_figures():
        live.counter("c").inc()
        spin(0.01)
        return [message for message in listener.messages("update") if "process" in message]

    idle = 5  # seconds between two while there is nothing else to send
    assert listener.wait_for(lambda _: len(with_figures()) >= 2, timeout=idle - 0.5)
    before, now = with_figures()[:2]
    assert now["monotonic"] - before["monotonic"] >= 0.99
    assert now["process"]["cpu_seconds"] > before["process"]["cpu_seconds"]
