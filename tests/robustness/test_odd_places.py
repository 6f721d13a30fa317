"""Recording where Python code may run in the middle of ours."""

import json
import os

from .processes import PATIENCE_SECONDS, run, scrape_ended

#: `make soak` sets a minute.
SECONDS = float(os.environ.get("WAGGLE_LIVE_ODD_SECONDS", "5"))


def test_signal_handler_gc_callback_del_and_atexit_count_exactly_and_never_hang(collector, task):
    """All of them at once, each with every kind of instrument, new series and flushes."""
    patience = PATIENCE_SECONDS + SECONDS
    out = run("odd_places", SECONDS, address=collector.address, task=task, seconds=patience)
    truth = json.loads(out)
    assert truth.pop("atexit") == 0
    assert min(truth.values()) > 0
    truth["atexit"] = 1
    scrape = scrape_ended(collector, plugin_task=task)
    for place, count in truth.items():
        name = {"plugin_task": task}
        assert scrape.value("waggle_count_total", name=place, **name) == count, place
        labelled = scrape.sum("waggle_count_total", name=place + ".labelled", **name)
        assert labelled == count, place
        for timer in (".block", ".span"):
            shown = scrape.value("waggle_timer_seconds_count", name=place + timer, **name)
            assert shown == count, place + timer
        events = scrape.value("waggle_rate_events_total", name=place + ".events", **name)
        assert events == count, place
