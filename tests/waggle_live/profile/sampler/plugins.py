"""What tests of the sampler share: what a listener was told of functions, and programs."""

import subprocess
import sys

from waggle_live.profile.sampler.sampling_thread import NO_CLOCKS

from ...helpers import ROOT, environment, run_python, write_script

HEAD = """
import os, sys, threading, time
from waggle_live.live import LiveMetrics

def work(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        sum(range(500))
"""


def said(err):
    """Return what a program wrote to stderr, but for the line on clocks that Python 3.7 lacks."""
    is_clockless = sys.version_info < (3, 8)
    line = "live metrics: %s\n" % NO_CLOCKS
    return err.replace(line, "") if is_clockless else err


def functions(listener, session=None):
    """Return the sampler's cells by function, added up over all sessions or those of one."""
    found = {}
    for (of, (kind, name, labels)), cell in listener.state().items():
        if kind == "function" and session in (None, of):
            assert labels == (("profiler", "sampler"),)
            assert "calls" not in cell
            sums = found.setdefault(name.partition(" ")[0], {})
            for field in ("exclusive", "inclusive", "exclusive_cpu"):
                if field in cell:
                    sums[field] = sums.get(field, 0) + cell[field] / 1e9
    return found


def play(listener, directory, text, *arguments, **variables):
    """Run a script to its end, which must be a good one, and return what it printed."""
    path = write_script(directory, HEAD + text)
    env = environment("unix://" + listener.path, **variables)
    status, out, err = run_python(path, *map(str, arguments), env=env, timeout=60)
    assert (status, said(err)) == (0, ""), err
    return out


def run_plugin(directory, text, *options, **variables):
    """Return a process of a script that runs under ``waggle-live run`` with these options."""
    path = write_script(directory, HEAD + text)
    return subprocess.Popen(
        [sys.executable, "-m", "waggle_live", "run", *options, "--", path],
        env=environment(**variables),
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
