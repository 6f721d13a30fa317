"""Recording from where code runs unasked: signal handlers, GC callbacks, ``__del__``, threads."""

from ..helpers import environment, run_python, write_script

SCRIPT = """
    import gc, signal, sys, threading, time
    from waggle_live.live import LiveMetrics

    sys.setswitchinterval(1e-5)
    live = LiveMetrics(plugin_name="x", interval=0.01).open()
    # Lists, whose append no nested handler can come into, as it can into `+= 1`.
    counts = {"signal": [], "gc": [], "del": [], "loop": [], "thread": []}

    def record(where):
        counts[where].append(None)
        count = len(counts[where])
        with live.timer("t", where=where):
            live.counter("c", where=where).inc()
        live.gauge("g").inc()
        live.rate("r", where=where).tick()
        live.start_timer("named")
        live.stop_timer("named")
        if count % 50 == 0:
            live.counter("n%d" % (count % 200), where=where).inc()

    depth = []

    def on_signal(signum, frame):
        if len(depth) < 3:  # on a busy machine they come faster than they are handled
            depth.append(None)
            record("signal")
            if len(counts["signal"]) % 100 == 0:
                live.flush(0.001)
            depth.pop()

    def on_collection(phase, info):
        if phase == "start":
            record("gc")

    class Recorder:
        def __del__(self):
            record("del")

    def work():
        while not done.is_set():
            record("thread")

    done = threading.Event()
    gc.callbacks.append(on_collection)
    gc.set_threshold(50)
    signal.signal(signal.SIGALRM, on_signal)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    thread = threading.Thread(target=work)
    thread.start()
    until = time.monotonic() + 1
    while time.monotonic() < until:
        record("loop")
        loop = [Recorder()]
        loop.append(loop)
    signal.setitimer(signal.ITIMER_REAL, 0)
    done.set()
    thread.join()
    gc.callbacks.remove(on_collection)
    gc.set_threshold(700)
    del loop
    gc.collect()
    assert live.flush(10)
    live.close("ok", 5)
    for where, count in counts.items():
        print(where, len(count))
"""


def test_no_deadlock_and_nothing_lost(listener, tmp_path):
    """A second of recording and flushing from everywhere at once: no deadlock, all exact."""
    path = write_script(tmp_path, SCRIPT)
    status, out, err = run_python(path, env=environment("unix://" + listener.path))
    assert (status, err) == (0, "")
    counts = {where: int(count) for where, count in (line.split() for line in out.splitlines())}
    assert min(counts.values()) > 5, counts
    for where, count in counts.items():
        assert listener.total("timer", "t", where=where) == count, where
        assert listener.total("counter", "c", where=where) == count, where
        assert listener.total("rate", "r", where=where) == count, where
    assert listener.total("gauge", "g") == sum(counts.values())
    assert listener.total("timer", "named") == sum(counts.values())
