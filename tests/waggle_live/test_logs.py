"""The client's lines of log: they never raise, and never end in a traceback of logging's."""

import io
import logging

import pytest

from waggle_live import logs

from .helpers import environment, run_python, write_script


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
