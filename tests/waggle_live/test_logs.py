"""The client's lines of log: one of each kind, whatever state the log itself is in."""

import io
import logging
import logging.handlers
import threading

import pytest

from waggle_live import logs
from waggle_live.live import LiveMetrics
from waggle_live.logs import DEFAULT_MAX_KINDS, DEFAULT_MAX_TEXT, LogOnce, printable

from .helpers import environment, in_threads, problems, run_python, write_script

pytestmark = pytest.mark.oldest_and_newest


@pytest.fixture
def handler():
    """A handler of the client's logger with a stream of its own."""
    made = logging.StreamHandler(io.StringIO())
    logs.logger.addHandler(made)
    yield made
    logs.logger.removeHandler(made)


def test_a_closed_stream_is_passed_over(handler, caplog, capsys):
    """What can't be written is dropped without a word; other handlers have the line."""
    handler.stream.close()
    logs.warn("met %r", 3)
    assert [record.getMessage() for record in caplog.records] == ["live metrics: met 3"]
    assert capsys.readouterr().err == ""


class Tee:
    """A stream of a program's own, which says nothing of being closed."""

    def __init__(self, stream):
        self.write = stream.write
        self.flush = stream.flush


@pytest.mark.parametrize("kind", ["tee", "kept for another", "another's formatter"])
def test_a_handler_that_fails_is_passed_over(handler, caplog, capsys, kind):
    """In whatever way it does, and is as before afterwards: its own lines fail as loudly."""
    tried = handler
    if kind == "another's formatter":
        handler.setFormatter(logging.Formatter("%(request_id)s"))
    else:
        handler.stream.close()
        handler.stream = Tee(handler.stream)
    if kind == "kept for another":
        logs.logger.removeHandler(handler)
        tried = logging.handlers.MemoryHandler(1, target=handler)
        logs.logger.addHandler(tried)
    try:
        logs.warn("met %r", 3)
        assert [record.getMessage() for record in caplog.records] == ["live metrics: met 3"]
        assert capsys.readouterr().err == ""
        logging.getLogger("waggle_live.app").warning("the author's")
        assert "--- Logging error ---" in capsys.readouterr().err
    finally:
        logs.logger.removeHandler(tried)


def test_an_open_stream_has_the_line(handler):
    """Once, as logging itself would write it."""
    logs.warn("met %r", 3)
    assert handler.stream.getvalue() == "live metrics: met 3\n"


def test_levels_hold_beside_a_closed_stream(handler, caplog):
    """A logger or a handler that wants no warnings gets none."""
    handler.stream.close()
    caplog.set_level(logging.ERROR, "waggle_live")
    logs.warn("no")
    caplog.set_level(logging.WARNING, "waggle_live")
    caplog.handler.setLevel(logging.ERROR)
    logs.warn("no")
    assert not caplog.records


def test_nothing_raises(handler, monkeypatch):
    """A handler or clock of the author's that raises is no error in whoever records."""
    monkeypatch.setattr(handler, "handle", lambda record: 1 // 0)
    logs.warn("x")
    handler.stream.close()
    logs.warn("x")


def test_a_line_at_exit_after_pytest_took_the_stream_away(tmp_path):
    """The author's tests configure logging while pytest captures; at exit nobody is there."""
    path = write_script(
        tmp_path,
        """
        import logging, sys
        from waggle_live.live import LiveMetrics

        def test_plugin():
            logging.getLogger().addHandler(logging.StreamHandler(sys.stderr))
            live = LiveMetrics(address="unix:///nowhere/at/all", plugin_name="x").open()
            live.counter("c").inc()
        """,
        "test_plugin.py",
    )
    command = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", path)
    status, out, err = run_python(*command, env=environment(), cwd=str(tmp_path))
    assert status == 0
    assert "1 passed" in out
    # The line itself is there if it came while pytest still took it.
    assert "Logging error" not in out + err


def test_a_standard_error_that_is_closed(tmp_path):
    """Where nobody configured logging, the line goes to standard error if that is there."""
    path = write_script(
        tmp_path,
        """
        import sys
        from waggle_live.live import LiveMetrics
        sys.argv[1] == "None" or sys.stderr.close()
        sys.stderr = None if sys.argv[1] == "None" else sys.stderr
        LiveMetrics(address="unix:///nowhere/at/all", plugin_name="x").open()
        """,
    )
    for what in ("None", "closed"):
        assert run_python(path, what, env=environment())[0] == 0


def test_each_kind_once(caplog):
    """A kind is written once, also by several threads; the kinds are bounded."""
    log_once = LogOnce()
    barrier = threading.Barrier(4)

    def work():
        barrier.wait()
        for kind in range(2 * DEFAULT_MAX_KINDS):
            log_once(kind, "kind %d", kind)

    in_threads(4, work)
    lines = [record.getMessage() for record in caplog.records]
    assert sorted(lines) == sorted(set(lines))
    assert DEFAULT_MAX_KINDS <= len(lines) < DEFAULT_MAX_KINDS + 4


def fail_here():
    raise KeyError("cells")


def fail_there():
    raise KeyError("cells")


def test_faults_once_per_type_and_place(caplog):
    """Each fault is written with its traceback; the same type elsewhere is another fault."""
    log_once = LogOnce()
    for function in (fail_here, fail_there, fail_here, "".index, fail_there):
        try:
            function("x") if function == "".index else function()
        except Exception as error:
            log_once.fault(error, "while testing")
    assert len(caplog.records) == 3
    first, second = (logging.Formatter().format(record) for record in caplog.records[:2])
    assert "while testing\nTraceback" in first and "in fail_here" in first
    assert "in fail_there" in second and "KeyError: 'cells'" in second


class Broken(logging.Handler):
    """A handler of the author's that raises."""

    def emit(self, record):
        raise RuntimeError("broken handler")


@pytest.fixture
def broken_log():
    handler = Broken()
    logging.getLogger("waggle_live").addHandler(handler)
    yield
    logging.getLogger("waggle_live").removeHandler(handler)


def test_a_broken_handler_harms_nobody(broken_log, live, listener, connect):
    """A log handler that raises reaches neither the plugin nor the sender."""
    live.stop_timer("never_started")
    assert problems(live) == {"unmatched_stop": 1}
    sending = connect()
    sending.gauge("bad").set_function(lambda: 1 // 0)
    listener.say({"type": "error", "code": "bad_cell", "text": "x"})
    sending.counter("c").inc()
    assert sending.flush(5)
    assert listener.total("counter", "c") == 1
    absent = LiveMetrics(address="unix:///nowhere/at/all", plugin_name="broken-log")
    absent.counter("c").inc()
    absent.close(timeout=0.1)


def test_printable():
    """Plain text stays; all else is escaped, and no text is long."""
    assert printable("cell 1: name 'a' is bad") == "cell 1: name 'a' is bad"
    assert printable("\x1b[2J\n\u202e\ud800é") == "\\x1b[2J\\n\\u202e\\ud800\\xe9"
    assert len(printable("\U0001f41d" * 1000000)) == DEFAULT_MAX_TEXT
