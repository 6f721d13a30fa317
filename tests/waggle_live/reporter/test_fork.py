"""Forks: both sides report, nothing counts twice."""


def per_session(listener, kind, name, field):
    """Return the field of that cell for each session, in the order of their first hello."""
    order = list(dict.fromkeys(listener.sessions))
    return [listener.state().get((session, (kind, name, ())), {}).get(field) for session in order]


def test_both_sides_count(listener, play_forking):
    """A child counts from zero in a session of its own; the parent goes on."""
    play_forking("""
        live.counter("c").inc(10)
        live.flush(5)
        def child():
            live.counter("c").inc(3)
            live.timer("t").start().stop()
        wait(in_child(child))
        live.counter("c").inc(1)
    """)
    assert per_session(listener, "counter", "c", "value") == [11, 3]
    assert per_session(listener, "timer", "t", "count") == [None, 1]
    pids = [hello["pid"] for hello in listener.messages("hello")]
    assert len(set(pids)) == 2
    assert len({hello["key"] for hello in listener.messages("hello")}) == 2


def test_a_span_open_at_the_fork_counts_in_the_parent_only(listener, play_forking):
    """with, kept, overlapped, decorated, generator, start/stop, by name, rate: parent only."""
    play_forking("""
        kept = live.timer("kept")
        @live.timer("decorated")
        def decorated():
            return os.fork()
        @live.timer("generator")
        def generator():
            yield 1
            yield 2
        started = generator()
        next(started)
        spans = [live.timer("span").start(), live.rate("rate_span").start()]
        live.start_timer("named")
        with live.timer("with"), kept, kept, live.rate("rate"), live.timer("s", sync=int):
            pid = decorated()
        for span in spans:
            span.stop()
        list(started)
        if pid:
            live.stop_timer("named")
        else:
            live.counter("child").inc()
            live.close("ok", 5)
            os._exit(0)
        wait(pid)
    """)
    parent, child = list(dict.fromkeys(listener.sessions))
    if (parent, ("counter", "child", ())) in listener.state():
        parent, child = child, parent
    found = {
        (session == parent, key[1]): cell.get("count")
        for (session, key), cell in listener.state().items()
        if key[0] in ("timer", "rate")
    }
    names = {name for _, name in found}
    assert names == {
        *("kept", "decorated", "generator", "span", "rate_span", "named", "with", "rate", "s"),
    }
    for name in names:
        assert found[True, name] == (2 if name == "kept" else 1), name
        assert not found.get((False, name)), name


def test_a_kept_timer_in_use_more_than_once_at_the_fork(listener, play_forking):
    """The child counts what it enters itself, and the object is as new once all is left."""
    play_forking("""
        kept = live.timer("t")
        def items():
            with kept:
                yield
        suspended = items()
        next(suspended)
        with kept, kept:
            pid = os.fork()
            with kept:
                pass
        suspended.close()
        assert kept._start is None
        with kept:
            pass
        if pid == 0:
            live.close("ok", 5)
            os._exit(0)
        wait(pid)
    """)
    assert sorted(per_session(listener, "timer", "t", "count")) == [2, 5]


def test_a_block_that_fails_in_the_child(listener, play_forking):
    """A child that leaves the parent's open block by an exception records no failure either."""
    play_forking("""
        pid = None
        try:
            with live.timer("t"), live.timer("t"):
                pid = os.fork()
                if pid == 0:
                    raise SystemExit(0)
        except SystemExit:
            live.timer("t").start().stop()
            live.close("ok", 5)
            os._exit(0)
        wait(pid)
    """)
    assert sorted(per_session(listener, "timer", "t", "count")) == [1, 2]
    assert per_session(listener, "timer", "t", "failures") == [0, 0]


def test_instruments_made_before_the_fork_work_after_it(listener, play_forking):
    """Kept timers, rates, gauges, counters, decorated functions, a loop: all count in the child."""
    play_forking("""
        timer, rate, gauge, counter = (
            live.timer("t"), live.rate("r"), live.gauge("g"), live.counter("c"))
        labelled = live.timer("l", a="b")
        decorated = live.timer("d")(lambda: None)
        synced = live.timer("s", sync=lambda: None)
        for instrument in (timer, labelled, synced):
            with instrument:
                pass
        rate.tick(); gauge.set(5); counter.inc(); decorated()
        frames = rate.each(iter(range(10)))
        next(frames)
        def child():
            for instrument in (timer, labelled, synced):
                with instrument, instrument:
                    pass
            rate.tick(); rate.tick(); gauge.set(7); counter.inc(2); decorated(); decorated()
            next(frames); next(frames)
        wait(in_child(child))
    """)
    for kind, name, field in (
        ("timer", "t", "count"),
        ("timer", "s", "count"),
        ("timer", "d", "count"),
        ("counter", "c", "value"),
    ):
        assert sorted(per_session(listener, kind, name, field)) == [1, 2], name
    assert sorted(per_session(listener, "rate", "r", "count")) == [2, 4]
    assert sorted(per_session(listener, "gauge", "g", "value")) == [5, 7]
    assert listener.total("timer", "l", a="b") == 3


def test_a_gauge_that_the_child_never_set(listener, play_forking):
    """A gauge set in the parent is not outdated by the zero of a child that never set it."""
    play_forking("""
        live.gauge("cars").set(3)
        time.sleep(0.05)
        wait(in_child(lambda: live.counter("c").inc()))
        live.flush(5)
        time.sleep(0.3)
        live.counter("more").inc()
    """)
    values = per_session(listener, "gauge", "cars", "value")
    ages = per_session(listener, "gauge", "cars", "age")
    assert 3 in values
    newest = min((age, value) for age, value in zip(ages, values) if value is not None)
    assert newest[1] == 3


def test_forks_from_many_threads_while_sending(listener, play_forking):
    """Threads fork while others record and the sender sends: no deadlock, all exact."""
    play_forking("""
        sys.setswitchinterval(1e-5)
        failed = []
        def work():
            for _ in range(6):
                live.counter("parent").inc()
                with live.timer("t"):
                    pass
                try:
                    wait(in_child(lambda: live.counter("child").inc()))
                except BaseException as error:
                    failed.append(error)
        done = threading.Event()
        def hammer():
            while not done.is_set():
                live.counter("hammer").inc()
                live.flush(0.01)
        hammering = threading.Thread(target=hammer, daemon=True)
        hammering.start()
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        done.set()
        hammering.join()
        assert failed == [], failed
        live.close("ok", 5)
    """)
    assert listener.total("counter", "parent") == 24
    assert listener.total("timer", "t") == 24
    assert listener.total("counter", "child") == 24


def test_a_fork_of_a_fork(listener, play_forking):
    """Three generations, each its own session."""
    play_forking("""
        def grandchild():
            live.counter("c").inc(100)
        def child():
            live.counter("c").inc(10)
            wait(in_child(grandchild))
        live.counter("c").inc(1)
        wait(in_child(child))
    """)
    assert sorted(per_session(listener, "counter", "c", "value")) == [1, 10, 100]


def test_a_fork_before_open(listener, play_forking):
    """Instruments used before a fork, metrics opened after it: the child counts from zero."""
    play_forking("""
        live.close()
        late = LiveMetrics(plugin_name="late")
        late.counter("late").inc(5)
        pid = os.fork()
        if pid == 0:
            late.open()
            late.counter("late").inc(1)
            late.close("ok", 5)
            os._exit(0)
        wait(pid)
        late.open()
        late.close("ok", 5)
    """)
    assert sorted(v for v in per_session(listener, "counter", "late", "value") if v) == [1, 5]
