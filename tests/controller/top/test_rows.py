"""The rows of what a plugin publishes and uses."""

import re

from waggle_live_controller.top import figures
from waggle_live_controller.top.history import History

from ..conftest import plugin
from .test_view import DETECT, measured, node, text


def test_a_plugin_without_an_instrument_shows_its_process_alone():
    """What isn't known is a dash, and never 0; an older collector tells less."""
    assert measured(text(node(plugin()))) == []
    assert [line.split() for line in text(node(plugin()))[5:]] == [
        ["CPU", "process", figures.NOTHING, "0.2", "s"],
        ["memory", "process", figures.NOTHING, "0.2", "s"],
    ]
    ended = dict(
        DETECT, state="ended", up=False, sessions=0, cpu_per_second=None, memory_bytes=None
    )
    drawn = text(node(dict(ended, messages_per_second={"inference": None})))
    assert [line.split()[4] for line in drawn if "published" in line] == ["\u2013"] * 2
    assert "process," not in drawn[4]
    older = text(node(plugin(messages={"a": 3}, uploads=1)))
    assert older[5].split() == ["a", "published", "message", "3", "\u2013", "\u2013"]
    assert older[6].split() == ["uploads", "upload", "1", "\u2013", "\u2013"]


def test_messages_and_the_process_have_curves():
    """Their rates, the share of a core, and the memory, poll by poll."""
    history = History()
    for at, rise in enumerate((1, 2, 4)):
        fields = {
            "messages": {"a": 9},
            "messages_per_second": {"a": rise},
            "cpu_per_second": rise / 10,
            "memory_bytes": rise * 1e6,
        }
        drawn = text(node(plugin(**fields), history=history, at=5.0 * at), trend=True)
    assert [re.search("  +([▁-█]+)  ", line).group(1) for line in drawn[5:]] == ["▁▃█"] * 3
    assert [re.split("  +", line)[-1] for line in drawn[5:]] == [
        "1.0 … 4.0",
        "10 % … 40 %",
        "1 MB … 4 MB",
    ]
