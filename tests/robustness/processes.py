"""Starts the programs of ``programs/`` and looks at processes from outside, through /proc."""

import os
import subprocess
import sys
from pathlib import Path

from tests.collector.harness import wait_until

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "programs"
#: Longest time that a program may take; a deadlock fails here.
PATIENCE_SECONDS = 60
MIB = 1 << 20

#: All that were started and may still run.
_started = []


def start(name, *args, address, task="task", stdin=None, launcher=(), **environment):
    """Start a program that reports to ``address``; ``launcher`` stands before the script."""
    env = dict(os.environ, WAGGLE_LIVE_METRICS=address, WAGGLE_LIVE_TASK=task)
    env["PYTHONPATH"] = str(ROOT)
    env.update({name.upper(): value for name, value in environment.items()})
    command = [sys.executable, *launcher, str(PROGRAMS / (name + ".py")), *map(str, args)]
    process = subprocess.Popen(
        command,
        env=env,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    _started.append(process)
    return process


def end_all():
    """Kill what still runs, so that one failed test is not the failure of the next ones."""
    while _started:
        process = _started.pop()
        if process.poll() is None:
            process.kill()
        if process.stdout is not None and not process.stdout.closed:
            process.communicate()


def finish(process, codes=(0,), seconds=PATIENCE_SECONDS):
    """Wait for the end of a program and return what it printed; fail unless it ended well."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError("it hangs:\n" + out[-2000:] + err[-2000:]) from None
    assert process.returncode in codes, (process.returncode, out[-2000:] + err[-2000:])
    return out


def run(name, *args, codes=(0,), seconds=PATIENCE_SECONDS, **options):
    """Run a program to its end, in so many seconds, and return what it printed."""
    return finish(start(name, *args, **options), codes, seconds)


def resident(pid):
    """Return the resident memory of a process in bytes."""
    return _status(pid, "VmRSS") * 1024


def peak(pid):
    """Return the most memory that a process ever had, in bytes."""
    return _status(pid, "VmHWM") * 1024


def threads(pid):
    """Return how many threads a process has."""
    return _status(pid, "Threads")


def descriptors(pid):
    """Return how many descriptors a process has open."""
    return len(os.listdir("/proc/%d/fd" % pid))


def on_core(pid):
    """Return the seconds that the first thread of a process has been on a core, exactly.

    The kernel adds them up when the thread waits again.
    """
    with open("/proc/%d/schedstat" % pid) as schedstat:
        return int(schedstat.read().split()[0]) / 1e9


def scrape_ended(collector, **labels):
    """Return a scrape in which all processes of one plugin have ended.

    A process waits at its end for half a second. A busy collector may read later what it sent.
    """

    def ended():
        scrape = collector.scrape()
        return scrape.value("waggle_plugin_up", default=1, **labels) == 0 and scrape

    return wait_until(ended)


def _status(pid, field):
    with open("/proc/%d/status" % pid) as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    raise KeyError(field)
