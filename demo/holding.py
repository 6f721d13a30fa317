"""``python -m demo.holding``: holds deadlines of plugins on one node, by their knobs.

A small controller, to be read: it polls the node, lets a policy decide on what happened since, and
holds what was decided by leases. ``waggle-live-controller`` does more.
"""

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence

from waggle_live_controller import Entry, KnobReading, Leases, Node, NodeError, Snapshot
from waggle_live_controller.policies.deadline import DeadlinePolicy
from waggle_live_controller.policies.ladder import Ladder

PERIOD = 1.0


class Deadline(NamedTuple):
    """Seconds that a timer of a plugin may take on average, and the knob that is turned for it."""

    task: str
    timer: str
    seconds: float
    knob: str


class Holder:
    """Holds one deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._policy: Optional[DeadlinePolicy] = None
        self._ladder: Optional[Ladder] = None

    def decide(
        self, knobs: Sequence[KnobReading], earlier: Snapshot, now: Snapshot
    ) -> Optional[List[Entry]]:
        """Return what is to be held; None if there are no fresh numbers to decide on."""
        task, timer, seconds, name = self._deadline
        found = [each for each in knobs if (each.identity.task, each.name) == (task, name)]
        try:
            measured = now.since(earlier).plugins[task].timers[timer]
        except LookupError:  # it isn't there, or has not measured anything yet
            return None
        if not found:
            return None
        knob = found[0]
        if self._policy is None or self._ladder is None:
            self._ladder = Ladder.of([knob])
            self._policy = DeadlinePolicy(
                self._ladder.costs, seconds, period=PERIOD, settle=knob.settle
            )
        values = [setting[name] for setting in self._ladder.settings]
        if knob.value in values:  # a lease may have ended meanwhile
            self._policy.setting = values.index(knob.value)
        decision = self._policy.decide(now.received, measured.mean, measured.count or 0)
        if decision.changed:
            value = values[decision.setting]
            print("%s %s: %r, %s" % (task, name, value, decision.reason), flush=True)
        if not decision.fresh:
            return None
        changed = self._ladder.changed(decision.setting)
        return [Entry(knob.identity, each, value) for each, value in changed.items()]


def hold(node: Node, leases: Leases, deadlines: Sequence[Deadline]) -> None:
    """Decide each period, until the process is told to end."""
    holders = [Holder(deadline) for deadline in deadlines]
    wills: Dict[int, List[Entry]] = {}
    earlier: Optional[Snapshot] = None
    while True:
        time.sleep(PERIOD)
        try:
            snapshot, knobs = node.poll(), node.knobs().knobs
        except NodeError as error:
            print(error, file=sys.stderr, flush=True)
            continue
        if earlier is not None:
            decided = [each.decide(knobs, earlier, snapshot) for each in holders]
            wills.update((i, will) for i, will in enumerate(decided) if will is not None)
            if any(will is not None for will in decided):
                leases.hold([entry for will in wills.values() for entry in will], by=snapshot)
        earlier = snapshot


def main() -> None:
    """Run until SIGTERM or Ctrl-C, which release the leases."""
    parser = argparse.ArgumentParser(prog="python -m demo.holding", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--control.token-file", dest="token", type=Path, required=True)
    parser.add_argument("--holder", default="deadline-holder")
    parser.add_argument("--ttl", type=float, default=10.0)
    parser.add_argument("--deadline", action="append", nargs=4, required=True)
    options = parser.parse_args()
    deadlines = [
        Deadline(task, timer, float(seconds), knob)
        for task, timer, seconds, knob in options.deadline
    ]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    node = Node(options.url, control_token=options.token.read_text(encoding="utf-8").strip())
    with Leases(node, options.holder, ttl=options.ttl) as leases:
        hold(node, leases, deadlines)


if __name__ == "__main__":
    main()
