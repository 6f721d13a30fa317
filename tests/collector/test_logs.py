"""Log lines."""

import json
import logging
import sys

import pytest

from waggle_live_collector import logs


def record(message, *args, error=None):
    return logging.LogRecord("x", logging.WARNING, "x", 1, message, args, error)


def test_logfmt_quotes_the_message():
    """A newline or a quote in it can't forge a line."""
    line = logs.Formatter("logfmt").format(record('a "%s"', "b\nc"))
    assert line.endswith(' level=warn msg="a \\"b\\nc\\""')
    assert line.startswith("ts=20")


def test_json_is_one_object_a_line():
    """With the traceback as a field."""
    try:
        raise ValueError("broken")
    except ValueError:
        line = logs.Formatter("json").format(record("a", error=sys.exc_info()))
    fields = json.loads(line)
    assert (fields["msg"], fields["level"]) == ("a", "warn")
    assert "ValueError: broken" in fields["error"]
    assert "\n" not in line


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_levels(form, capsys):
    """What is below the level is not written."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        logs.start("warn", form)
        logging.getLogger("a").info("quiet")
        logging.getLogger("a").warning("loud")
    finally:
        root.handlers, root.level = handlers, level
    err = capsys.readouterr().err
    assert "loud" in err
    assert "quiet" not in err
