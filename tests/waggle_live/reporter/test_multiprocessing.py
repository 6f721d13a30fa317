"""Children of multiprocessing, which end by ``os._exit``: all that they recorded arrives."""

import multiprocessing
import os
import shutil

import pytest

from ..helpers import environment, run_python, write_script

METHODS = multiprocessing.get_all_start_methods()
MAIN = """
    import multiprocessing, os, signal, sys, time
    from waggle_live.live import LiveMetrics

    def work(n, end="return"):
        live = LiveMetrics(plugin_name="child", interval=5).open()
        record(live, n, end)

    def record(live, n, end="return"):
        for _ in range(n):
            with live.timer("t"):
                live.counter("c").inc(2)
        if end == "exception":
            sys.stderr = open(os.devnull, "w")
            raise ValueError
        if end == "sys.exit":
            sys.exit(3)

    def inherited(n):
        record(parent, n)

    def gather(processes):
        for process in processes:
            process.start()
        for process in processes:
            process.join(20)
        return [process.exitcode for process in processes]
"""


def play(listener, tmp_path, text):
    import textwrap

    whole = textwrap.dedent(MAIN) + textwrap.dedent(text)
    path = write_script(tmp_path, whole)
    status, out, err = run_python(path, env=environment("unix://" + listener.path))
    assert (status, err) == (0, "")
    return out


@pytest.mark.parametrize("method", METHODS)
def test_children_with_metrics_of_their_own(listener, tmp_path, method):
    """Opened in the child and never closed: flushed at its end, by return, exception or exit."""
    out = play(
        listener,
        tmp_path,
        """
        if __name__ == "__main__":
            context = multiprocessing.get_context(%r)
            ends = ["return", "exception", "sys.exit"]
            print(gather([context.Process(target=work, args=(10, end)) for end in ends]))
        """
        % method,
    )
    assert out == "[0, 1, 3]\n"
    assert listener.total("timer", "t") == 30
    assert listener.total("counter", "c") == 60
    assert len(set(listener.sessions)) == 3
    assert [message["status"] for message in listener.messages("bye")] == ["ok"] * 3


def test_forked_children_with_their_parents_metrics(listener, tmp_path):
    """Opened in the parent, used in forked children: each side its own, all of it there."""
    out = play(
        listener,
        tmp_path,
        """
        if __name__ == "__main__":
            context = multiprocessing.get_context("fork")
            parent = LiveMetrics(plugin_name="parent", interval=5).open()
            record(parent, 100)
            print(gather([context.Process(target=inherited, args=(n,)) for n in (1, 2, 3)]))
            record(parent, 100)
            parent.close("ok", 5)
        """,
    )
    assert out == "[0, 0, 0]\n"
    assert listener.total("timer", "t") == 206
    assert listener.total("counter", "c") == 412
    assert len(set(listener.sessions)) == 4


def test_a_pool(listener, tmp_path):
    """A pool that is closed and joined loses nothing."""
    play(
        listener,
        tmp_path,
        """
        if __name__ == "__main__":
            parent = LiveMetrics(plugin_name="parent", interval=5).open()
            with multiprocessing.get_context("fork").Pool(3) as pool:
                pool.map(inherited, [10] * 9)
                pool.close()
                pool.join()
            parent.close("ok", 5)
        """,
    )
    assert listener.total("timer", "t") == 90


def test_children_of_children(listener, tmp_path):
    """A child of a child, of an executor in between."""
    play(
        listener,
        tmp_path,
        """
        def middle(n):
            record(parent, n)
            child = multiprocessing.get_context("fork").Process(target=inherited, args=(n,))
            child.start()
            child.join()

        if __name__ == "__main__":
            parent = LiveMetrics(plugin_name="parent", interval=5).open()
            middle_one = multiprocessing.get_context("fork").Process(target=middle, args=(5,))
            middle_one.start()
            middle_one.join()
            parent.close("ok", 5)
        """,
    )
    assert listener.total("timer", "t") == 10


@pytest.mark.parametrize("package", ["multiprocess", "billiard"])
def test_packages_made_from_multiprocessing(listener, tmp_path, package):
    """Their children end the same way; here it is a copy, under the name of theirs."""
    shutil.copytree(os.path.dirname(multiprocessing.__file__), str(tmp_path / package))
    play(
        listener,
        tmp_path,
        """
        import %s as package
        parent = LiveMetrics(plugin_name="parent", interval=5).open()
        context = package.get_context("fork")
        assert gather([context.Process(target=inherited, args=(5,)) for _ in range(3)]) == [0] * 3
        with context.Pool(2) as pool:
            pool.map(inherited, [1, 2, 3])
            pool.close()
            pool.join()
        """
        % package,
    )
    assert listener.total("timer", "t") == 21
    assert listener.total("counter", "c") == 42
