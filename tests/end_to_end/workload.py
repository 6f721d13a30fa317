"""Starts the plugin processes of ``workloads/`` and says what they should have recorded."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from tests.collector.harness import wait_until
from tests.end_to_end.workloads.known_clock import STEP_NS

WORKLOADS = Path(__file__).parent / "workloads"
ROOT = Path(__file__).parents[2]


def start(name, *args, address, task="task", python=sys.executable, stdin=None, **environment):
    """Start a workload as a process of its own."""
    env = dict(os.environ, WAGGLE_LIVE_METRICS=address, WAGGLE_LIVE_TASK=task)
    env["PYTHONPATH"] = str(ROOT)
    env.update({name.upper(): value for name, value in environment.items()})
    command = [python, str(WORKLOADS / (name + ".py")), *map(str, args)]
    return subprocess.Popen(
        command,
        env=env,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )


def run(name, *args, **options):
    """Run a workload to its end, which must be a good one; return its standard error."""
    return finish(start(name, *args, **options))


def finish(process):
    """Wait for the good end of a workload, whose input ends now; return its standard error."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, out + err
    return err


def wait_equal(read, wanted):
    """Wait until ``read()`` is what is wanted; fail with the difference.

    What a process told may be shown after its end: it waits for the collector half a second, and
    no longer.
    """
    with contextlib.suppress(AssertionError):
        wait_until(lambda: read() == wanted)
    assert read() == wanted


def expected(recordings):
    """Return the counters that so many calls of ``recording.record`` for one sample make."""
    seconds = recordings * STEP_NS / 1e9
    values = {}
    for name in ("block", "failing", "decorated", "span", "named", "labelled"):
        labels = {"name": name, **({"model": "yolo"} if name == "labelled" else {})}
        values["waggle_timer_seconds_count", frozenset(labels.items())] = recordings
        values["waggle_timer_seconds_sum", frozenset(labels.items())] = seconds
        failures = recordings if name == "failing" else 0
        values["waggle_timer_failures_total", frozenset(labels.items())] = failures
    for name in ("ticks", "blocks"):
        values["waggle_rate_events_total", frozenset({("name", name)})] = recordings
    values["waggle_count_total", frozenset({("name", "twos")})] = 2 * recordings
    return values


def recorded(scrape, task="task"):
    """Return what a scrape shows of one task, in the form of ``expected``."""
    wanted = {key[0] for key in expected(1)}
    return {
        (sample.name, frozenset(set(sample.labels.items()) - identity(sample))): sample.value
        for family in scrape
        for sample in family.samples
        if sample.name in wanted and sample.labels["plugin_task"] == task
    }


def identity(sample):
    """Return the identity labels of a sample, as pairs."""
    return {item for item in sample.labels.items() if item[0].startswith("plugin")}
