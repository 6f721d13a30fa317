"""``waggle-live run`` and what pywaggle's ``Plugin`` waits for: uploads and messages."""

import pytest

from ...helpers import MS
from ..running import run

pytestmark = pytest.mark.oldest_and_newest


def test_uploads(listener, tmp_path):
    """The time of each upload is measured; one that fails is a failure, and raises as ever."""
    text = """
from waggle.plugin import Plugin
with Plugin() as plugin:
    for _ in range(3):
        plugin.upload_file(__file__, keep=True)
    try:
        plugin.upload_file("/none")
    except FileNotFoundError:
        pass
    else:
        raise AssertionError
"""
    assert run(listener, tmp_path, text) == (0, "", "")
    assert listener.total("timer", "plugin.upload_file") == 4
    assert listener.total("timer", "plugin.upload_file", "failures") == 1
    assert listener.total("uploads", "") == 3


def test_waiting_for_messages(listener, tmp_path):
    """The time in ``get`` is measured, whether a message comes or not; neither is a failure."""
    text = """
from waggle.plugin import Plugin
with Plugin() as plugin:
    plugin.recv.put("message")
    assert plugin.get() == "message"
    for _ in range(2):
        try:
            plugin.get(timeout=0.05)
        except TimeoutError as error:
            assert str(error) == "plugin get timed out"
        else:
            raise AssertionError
"""
    assert run(listener, tmp_path, text) == (0, "", "")
    assert listener.total("timer", "plugin.get") == 3
    assert listener.total("timer", "plugin.get", "max") >= 50 * MS
    assert listener.total("timer", "plugin.get", "failures") == 0


def test_an_author_who_uses_the_name(listener, tmp_path):
    """An author's own series of that name wins, and the plugin works as ever."""
    text = """
from waggle.plugin import Plugin
with Plugin() as plugin:
    plugin.live.gauge("plugin.get").set(7)
    plugin.recv.put("message")
    assert plugin.get() == "message"
"""
    assert run(listener, tmp_path, text) == (0, "", "")
    assert listener.total("gauge", "plugin.get") == 7
