"""The functions of a plugin, from the wire to the controller and ``waggle-live top``."""

import time
from contextlib import contextmanager

import pytest

from tests.collector.harness import Client
from tests.collector.world import function, sampled, timer
from waggle_live_controller import Function, Node


@contextmanager
def under_tau(collector, task, session):
    """A plugin of seven functions, the later the dearer, and what is added up of others."""
    cells = [function(f"f{n} [app.py:{n}]", n, n * 10**9, 2 * n * 10**9) for n in range(1, 8)]
    cells += [
        function("__other__", 99, 12 * 10**9, None),
        function("__idle__", 7, 10**12),
        {"kind": "tau", "age": 2.0, "dropped": 4, "torn": 1},
        timer("inference", {-56: 1}, 7_800_000),
    ]
    with Client(collector) as client:
        assert client.hello(session, task=task)["type"] == "welcome"
        client.update(1, cells)
        client.flush()
        yield


def test_the_controller_has_them_the_dearest_first(collector, task):
    """All of them with all that is known, ``__other__`` last; none of who isn't under TAU."""
    with Node(collector.url) as node, under_tau(collector, task, "functions-1"):
        with Client(collector) as other:
            other.hello("functions-2", task=task + "-without")
            other.flush()
            plugins = node.poll().plugins
        one = plugins[task]
        assert [each.name for each in one.functions[:5]] == [
            f"f{n} [app.py:{n}]" for n in (7, 6, 5, 4, 3)
        ]
        assert one.functions[0] == Function(
            "f7 [app.py:7]", "tau", 7, 7.0, 14.0, None, False, 7 / 40, "wall"
        )
        assert one.functions[-1] == Function(
            "__other__", "tau", 99, 12.0, None, None, False, 12 / 40, "wall"
        )
        assert len(one.functions) == 8
        assert (one.tau.dropped, one.tau.torn) == (4, 1)
        assert 1 < time.time() - one.tau.last_dump < 30
        without = plugins[task + "-without"]
        assert (without.functions, without.tau) == ((), None)


def test_top_prints_the_five_dearest(collector, task):
    """In a pipe, with the share of all that TAU measured but waiting threads."""
    pytest.importorskip("rich", reason="needs the package rich")
    from .test_top import top

    with under_tau(collector, task, "functions-3"):
        status, out, err = top("--once", "--filter", task, collector.url)
    assert (status, err) == (0, "")
    lines = out[out.index(task + ": up") :].splitlines()[1:]
    assert lines[0].split()[:2] == ["inference", "timer"]
    assert [line.split()[0] for line in lines[1:3]] == ["CPU", "memory"]
    assert lines[3].split() == [
        *("function", "(tau)", "calls", "exclusive", "inclusive", "of", "wall"),
    ]
    assert [line.split() for line in lines[4:]] == [
        f"f{n} [app.py:{n}] {n} {n}.00 s {2 * n:#.3g} s {100 * n / 40:.1f} %".split()
        for n in (7, 6, 5, 4, 3)
    ]


def test_top_prints_the_work_that_the_sampler_saw(collector, task):
    """Shares of CPU time: what waits the longest is no work."""
    pytest.importorskip("rich", reason="needs the package rich")
    from .test_top import top

    with Client(collector) as client:
        client.hello("functions-4", task=task)
        cells = [sampled("wait", 0, 9 * 10**9), sampled("work", 3 * 10**9, 4 * 10**9, 5 * 10**9)]
        client.update(1, [*cells, sampled("__other__", 10**9, 10**9)])
        client.flush()
        _, out, _ = top("--once", "--filter", task, collector.url)
    lines = out[out.index(task + ": up") :].splitlines()
    assert [line.split() for line in lines[-3:]] == [
        ["function", "(sampler)", "CPU", "exclusive", "inclusive", "share"],
        ["work", "3.00", "s", "4.00", "s", "5.00", "s", "75.0", "%"],
        ["wait", "0", "ns", "9.00", "s", "\u2013", "0.0", "%"],
    ]
