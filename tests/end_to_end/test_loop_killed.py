"""A deadline that is held while controller, collector and plugin are killed with -9 at random."""

import os
import random
import time

import pytest

from tests.collector.harness import wait_until
from tests.end_to_end.loop_processes import CHOICES, DEFAULT, LATE, TTL, Loop

#: `make soak` takes two minutes; here as long as a test suite has time for.
SECONDS = float(os.environ.get("WAGGLE_LIVE_LOOP_SECONDS", "12"))
#: Seconds for which the deadline is held before the first kill.
HELD = 12.0
#: Seconds after the last kill within which the deadline is held again.
AGAIN = 10.0
#: Beside a bound, for a busy machine: to be scheduled, to write a frame.
SLACK = 0.5


def lived(part, at):
    """Return whether a process of the loop ran at a time."""
    return any(begin <= at and (end is None or at <= end) for begin, end in part.lived)


def latest_life(parts, at):
    """Return the latest time until ``at`` at which all of some parts lived; -inf if never."""
    moments = [at, *(end for part in parts for _, end in part.lived if end and end <= at)]
    return max((each for each in moments if all(lived(p, each) for p in parts)), default=-1e9)


@pytest.mark.quiet
@pytest.mark.parametrize("seed", [1])
def test_the_loop_works_through_every_restart(tmp_path, seed):
    """No value outside of its bounds, none that outlives its lease, and the deadline held again."""
    chance = random.Random(seed)
    with Loop(tmp_path) as loop:
        loop.start_collector()
        loop.plugin.start()
        loop.controller.start()
        wait_until(lambda: loop.value() == 320)
        time.sleep(HELD)  # what is killed so soon after a value may have been ended by it
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            time.sleep(chance.uniform(0.5, 2.0))
            name = chance.choice(sorted(loop.parts))
            loop.parts[name].kill()
            # Now and then for longer than a lease lasts; a plugin has no value meanwhile.
            away = chance.choice([0.0, 0.3, 1.0, TTL + 1.5])
            time.sleep(away if name != "plugin" else min(away, 1.0))
            loop.parts[name].start()
            loop.collector_process.wait_started()
        killed = time.monotonic()
        wait_until(lambda: holds(loop, killed), seconds=AGAIN + SLACK)
        # Kills may quarantine 160, but not 320: the plugin had it for long before the first kill.
        assert loop.quarantined() <= {160}
        assert loop.value() not in loop.quarantined()
        trace = loop.trace()
        assert {frame.value for frame in trace} <= set(CHOICES)
        stray = [
            frame
            for frame in trace
            if frame.value != DEFAULT
            and frame.at - latest_life([loop.controller, loop.collector], frame.at)
            > TTL + LATE + SLACK
        ]
        assert stray == []


def holds(loop, since):
    """Return whether a second of frames was made with a value that keeps to the deadline."""
    frames = loop.trace(max(since, time.monotonic() - 1.0))
    return len(frames) > 10 and all(frame.value in (160, 320) for frame in frames)
