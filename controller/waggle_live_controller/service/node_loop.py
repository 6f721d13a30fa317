"""``NodeLoop``: each period it polls a node, decides, and states the values to hold."""

import contextlib
import logging
import threading
import time
from typing import Dict, List, Optional, Union

from .. import (
    Claim,
    DeadlinePolicy,
    Decision,
    Leases,
    Node,
    NodeError,
    PriorityAllocator,
    Snapshot,
    Usage,
)
from .config import P95, Config, NodeConfig
from .own_metrics import OwnMetrics
from .watch import WINDOW, Watch

log = logging.getLogger(__name__)

#: Seconds after which knobs are read again, since a plugin may declare more. While something is
#: held, they are read each period: a value may be refused, held back or in quarantine.
KNOBS_SECONDS = 10.0


class NodeLoop:
    """Meets the deadlines of one node. ``act``: turn knobs, instead of only logging."""

    def __init__(
        self, *, config: Config, node: NodeConfig, act: bool, own: OwnMetrics, stop: threading.Event
    ) -> None:
        self._config = config
        self._node: Node = node.node
        self._cores = node.cores
        self._act = act
        self._own = own
        self._stop = stop
        self._watches = {each.plugin_task: Watch(each) for each in config.deadlines}
        self._policies: Dict[str, DeadlinePolicy] = {}
        self._allocator: Optional[PriorityAllocator] = None
        self._claimed: List[str] = []
        self._knobs_at = float("-inf")
        self._window = WINDOW if any(each.statistic == P95 for each in config.deadlines) else None
        self._said: Dict[str, str] = {}
        for each in config.deadlines:
            own.deadline.labels(self._node.url, each.plugin_task).set(each.below)

    def run(self) -> None:
        """Go on until told to stop; then release what is held."""
        leases: Union[Leases, contextlib.AbstractContextManager[None]] = contextlib.nullcontext()
        if self._act:
            config = self._config
            leases = Leases(self._node, config.holder, ttl=config.ttl, priority=config.priority)
        with leases as held:
            due = time.monotonic()
            while not self._stop.wait(max(due - time.monotonic(), 0.0)):
                due = max(due + self._config.period, time.monotonic())
                try:
                    self.step(held)
                except Exception:  # a bug of ours: without a decision the leases end by themselves
                    log.exception("%s: this period failed", self._node.url)

    def step(self, leases: Optional[Leases]) -> None:
        """Do one period."""
        url = self._node.url
        try:
            snapshot = self._node.poll(window=self._window)
            self._release_old(snapshot)
            known = self._learn(snapshot)
        except NodeError as error:
            self._own.polls.labels(url, "failed").inc()
            self._say(url, error.text, logging.WARNING)
            return
        self._own.polls.labels(url, "ok").inc()
        self._say(url, "", logging.INFO)
        for watch in known.values():
            if not watch.shows(snapshot.received, self._config.period):
                watch.wait(snapshot)
        measured = {task: watch.measure(snapshot) for task, watch in known.items()}
        for task, decision in self._decide(snapshot.received, known, measured).items():
            self._follow(known[task], decision, measured[task], snapshot)
        if leases is not None:
            will = [entry for watch in self._watches.values() for entry in watch.entries()]
            leases.hold(will, by=snapshot)
            self._report(leases)

    def _release_old(self, snapshot: Snapshot) -> None:
        """Hold nothing by a decision that is older than a lease."""
        for task, watch in self._watches.items():
            if watch.entries() and snapshot.received - watch.decided_at > self._config.ttl:
                log.info("%s %s: released, since nothing is measured", self._node.url, task)
                watch.forget(snapshot)
                self._begin(task)

    def _learn(self, snapshot: Snapshot) -> Dict[str, Watch]:
        """Return the watches whose plugins are heard and have their knobs. Raises NodeError."""
        heard = {task: w for task, w in self._watches.items() if w.see(snapshot) is not None}
        stale = snapshot.received - self._knobs_at >= KNOBS_SECONDS
        if heard and (stale or any(watch.needs_knobs for watch in heard.values())):
            knobs = self._node.knobs()
            self._knobs_at = snapshot.received
            for task, watch in heard.items():
                if watch.learn(knobs):
                    self._begin(task)
        for task, watch in self._watches.items():
            self._say(task, watch.problem if watch.ladder is None or task not in heard else "")
        return {task: watch for task, watch in heard.items() if watch.ladder is not None}

    def _begin(self, task: str) -> None:
        """Begin to decide on a plugin, from its defaults."""
        self._policies.pop(task, None)
        self._allocator = None
        for watch in self._watches.values() if self._cores else [self._watches[task]]:
            watch.reset()

    def _decide(
        self, now: float, known: Dict[str, Watch], measured: Dict[str, Usage]
    ) -> Dict[str, Decision]:
        if self._cores is not None:
            return self._share(now, self._cores, known, measured)
        decisions = {}
        for task, watch in known.items():
            if task not in self._policies:
                self._policies[task] = self._policy(watch)
            policy, what = self._policies[task], measured[task]
            decisions[task] = policy.decide(now, what.measured, what.samples)
        return decisions

    def _policy(self, watch: Watch) -> DeadlinePolicy:
        assert watch.ladder is not None
        return DeadlinePolicy(
            watch.ladder.costs,
            watch.deadline.below,
            waiting=watch.deadline.waiting,
            period=self._config.period,
            settle=watch.settle,
        )

    def _share(
        self, now: float, cores: float, known: Dict[str, Watch], measured: Dict[str, Usage]
    ) -> Dict[str, Decision]:
        if not known:
            return {}
        if self._allocator is None or self._claimed != sorted(known):
            claims = {task: _claim(watch) for task, watch in known.items()}
            self._claimed = sorted(known)
            self._allocator = PriorityAllocator(
                claims,
                cores,
                period=self._config.period,
                settle=max(watch.settle for watch in known.values()),
            )
            # Other plugins that came or left change nothing at once.
            for task, watch in known.items():
                self._allocator.settings[task] = watch.setting
        return self._allocator.decide(now, measured)

    def _follow(self, watch: Watch, decision: Decision, what: Usage, snapshot: Snapshot) -> None:
        """Carry a decision out, and log it."""
        task = watch.deadline.plugin_task
        labels = (self._node.url, task)
        if what.measured is not None:
            self._own.measured.labels(*labels).set(what.measured)
        met = "unknown"
        if decision.fresh and what.measured is not None:
            watch.decided(snapshot)
            met = "met" if what.measured <= watch.deadline.below else "missed"
        self._own.decisions.labels(*labels, met).inc()
        if decision.changed:
            direction = "down" if decision.setting < watch.setting else "up"
            before, watch.setting = watch.setting, decision.setting
            shown = ", ".join("%s=%s" % pair for pair in watch.shown().items())
            if self._act:
                log.info("%s %s: %s (%s)", self._node.url, task, shown, decision.reason)
                self._own.changes.labels(*labels, direction).inc()
                watch.restart(snapshot)
            else:
                # Nothing changes, so the next decision is the first one again.
                self._say(task, "would set %s (%s)" % (shown, decision.reason), key="would")
                watch.setting = before
                self._begin(task)
        assert watch.ladder is not None
        self._own.setting.labels(*labels).set(watch.setting)
        self._own.settings.labels(*labels).set(len(watch.ladder.settings))

    def _report(self, leases: Leases) -> None:
        if leases.error is not None:
            self._own.lease_errors.labels(self._node.url).inc()
        text = "the leases: %s" % leases.error.text if leases.error else ""
        self._say(self._node.url, text, logging.WARNING, key="leases")
        for held in leases.held:
            fine = held.status in ("applied", "pending", "unchanged")
            text = "" if fine else "%s is %s: %s" % (held.entry.name, held.status, held.rule)
            self._say(held.entry.identity.task, text, logging.WARNING, key=held.entry.name)

    def _say(self, who: str, text: str, level: int = logging.INFO, key: str = "") -> None:
        """Log a state once, as long as it lasts. An empty text ends it."""
        where = "%s/%s" % (who, key)
        # Figures change all the time; the action does not.
        if self._said.get(where, "").partition(" (")[0] != text.partition(" (")[0]:
            if text:
                url = self._node.url
                log.log(level, "%s: %s", url if who == url else "%s %s" % (url, who), text)
            self._said[where] = text


def _claim(watch: Watch) -> Claim:
    deadline = watch.deadline
    assert watch.ladder is not None and deadline.rate is not None
    return Claim(watch.ladder.costs, deadline.below, deadline.rate, deadline.priority)
