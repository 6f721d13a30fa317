"""Plugins as whole processes: their blocks, publisher threads, ends and forks."""

from .helpers import environment, run_python, write_script


def play(listener, tmp_path, text):
    path = write_script(tmp_path, text)
    environ = environment(
        "unix://" + listener.path,
        PYWAGGLE_LOG_DIR=str(tmp_path / "out"),
        WAGGLE_PLUGIN_HOST="127.0.0.1",
    )
    return run_python(path, env=environ)


def test_a_whole_plugin(listener, tmp_path):
    """In a with block, with its publisher thread and no broker: all arrives, and it ends."""
    result = play(
        listener,
        tmp_path,
        """
        from waggle_live import Plugin
        with Plugin() as plugin:
            with plugin.timeit("timed"):
                pass
            plugin.publish("a", 1)
            with plugin.live.timer("t"):
                pass
        """,
    )
    assert result == (0, "", "")
    assert listener.total("timer", "timed") == listener.total("timer", "t") == 1
    assert listener.total("messages", "a") == listener.total("messages", "timed") == 1
    assert [message["status"] for message in listener.messages("bye")] == ["ok"]


def test_forked_children_leave_the_block(listener, tmp_path):
    """A forked child that leaves the with block, or enters the plugin anew, doesn't hang."""
    result = play(
        listener,
        tmp_path,
        """
        import os
        import pika
        from waggle_live import Plugin
        # As pywaggle's thread does: what it imports is there then. A fork in the middle of an
        # import is a trap of its own.
        try:
            pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", connection_attempts=1))
        except pika.exceptions.AMQPError:
            pass
        def fork(function):
            pid = os.fork()
            if pid == 0:
                function()
                os._exit(0)
            return pid
        def again():
            with plugin:
                plugin.live.counter("again").inc()
        pids = []
        with Plugin() as plugin:
            plugin.live.counter("parent").inc()
            plugin.live.flush(5)
            pids.append(fork(again))
            pid = os.fork()
            if pid == 0:
                plugin.live.counter("child").inc()
        if pid == 0:
            os._exit(0)
        for waited in [*pids, pid]:
            assert os.waitpid(waited, 0)[1] == 0
        """,
    )
    assert result == (0, "", "")
    for name in ("parent", "child", "again"):
        assert listener.total("counter", name) == 1, name
