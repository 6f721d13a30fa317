"""``Fleet``: many nodes polled side by side."""

import concurrent.futures
import threading
import time
from concurrent.futures import Future
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, NoReturn, Optional, Union

from .errors import InvalidAddress, NodeError, NodeLate
from .hints import names_its_fields, unexpected
from .node import DEFAULT_TIMEOUT, MAX_TIMEOUT, Node
from .snapshot import Snapshot

Outcome = Union[Snapshot, NodeError]


@names_its_fields
class Polled(NamedTuple):
    """The outcome of polling one node."""

    url: str
    outcome: Outcome


@names_its_fields
class FleetSnapshot(NamedTuple):
    """The outcomes of all nodes by their URLs: each node is in one of the two."""

    snapshots: Dict[str, Snapshot]
    errors: Dict[str, NodeError]


class Fleet:
    """Several nodes, given as :class:`Node` or as addresses (see there).

    Raises InvalidAddress, for a node that is given twice as well. Each poll of a node runs in a
    daemon thread of its own, so a slow node delays no other. A node slower than ``within`` is a
    NodeLate, and is not polled again meanwhile: the next poll returns its answer, unless that is
    older than ``within`` by then. No error is for good: each poll asks every other node again.
    Safe to use from several threads; a poll of a node that is under way serves all of them.
    """

    def __init__(self, nodes: Iterable[Union[Node, str]]) -> None:
        self.nodes = _nodes(nodes)
        if len({node.url for node in self.nodes}) < len(self.nodes):
            raise InvalidAddress("a node stands in the list twice")
        self._pollers = [_Poller(node) for node in self.nodes]
        self._lock = threading.Lock()

    def poll(self, within: float = DEFAULT_TIMEOUT, **unknown: NoReturn) -> FleetSnapshot:
        """Poll all nodes; return when all have answered, or after ``within`` seconds.

        Raises nothing for a node that fails: its NodeError is among ``errors``. Raises ValueError
        for a ``within`` that is not 0 s to a day.
        """
        if unknown:
            raise unexpected("Fleet.poll", unknown, "poll(within=…); Node(url, timeout=…)")
        result = FleetSnapshot({}, {})
        for url, outcome in self.poll_each(within):
            if isinstance(outcome, Snapshot):
                result.snapshots[url] = outcome
            else:
                result.errors[url] = outcome
        return result

    def poll_each(self, within: float = DEFAULT_TIMEOUT) -> Iterator[Polled]:
        """Poll all nodes; yield each outcome as it comes, and after ``within`` seconds a NodeLate
        for each node that has not answered. Raises ValueError as :meth:`poll` does."""
        if type(within) not in (int, float) or not 0 <= within <= MAX_TIMEOUT:
            raise ValueError("within is 0 s to a day, not %r" % (within,))
        return self._poll_each(within)

    def _poll_each(self, within: float) -> Iterator[Polled]:
        with self._lock:
            waiting = {poller.begin(within): poller for poller in self._pollers}
        try:
            for future in concurrent.futures.as_completed(waiting, timeout=within):
                yield waiting.pop(future).take(future)
        except concurrent.futures.TimeoutError:
            pass
        for future, poller in waiting.items():
            yield poller.take(future)

    def close(self) -> None:
        """Close the connections, those in use once the node has answered. Returns at once."""
        for node in self.nodes:
            try:
                threading.Thread(target=node.close, daemon=True).start()
            except RuntimeError:  # no thread can be started: it takes the node's timeout at most
                node.close()

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


class _Poller:
    """Polls one node, at most once at a time. ``begin`` is called under the fleet's lock."""

    def __init__(self, node: Node) -> None:
        self._node = node
        #: The poll under way, or one that has ended and was not taken yet.
        self._poll: Optional[Future[Outcome]] = None
        self._began = self._ended = 0.0

    def begin(self, fresh: float) -> "Future[Outcome]":
        """Return the poll that is there, if it is at most ``fresh`` seconds old, or a new one."""
        now = time.monotonic()
        poll = self._poll
        if poll is None or (poll.done() and now - self._ended > fresh):
            self._poll = poll = Future()
            self._began = now
            name = "poll-" + self._node.url
            try:
                threading.Thread(target=self._run, args=(poll,), name=name, daemon=True).start()
            except RuntimeError as error:  # as "can't start new thread"
                self._end(poll, NodeError(self._node.url, "it could not be polled: %s" % error))
        return poll

    def take(self, poll: "Future[Outcome]") -> Polled:
        """Return the outcome of a poll; a NodeLate while it is under way, which keeps it."""
        url = self._node.url
        if not poll.done():
            text = "no answer yet after %.1f s" % (time.monotonic() - self._began)
            return Polled(url, NodeLate(url, text))
        if self._poll is poll:
            self._poll = None
        return Polled(url, poll.result())

    def _run(self, poll: "Future[Outcome]") -> None:
        outcome: Outcome
        try:
            outcome = self._node.poll()
        except NodeError as error:
            outcome = error
        except BaseException as error:  # a bug of ours: the node must not be waited for forever
            outcome = NodeError(self._node.url, "the poll failed: %r" % error)
        self._end(poll, outcome)

    def _end(self, poll: "Future[Outcome]", outcome: Outcome) -> None:
        self._ended = time.monotonic()
        poll.set_result(outcome)


def _nodes(nodes: Any) -> List[Node]:
    """Return the nodes of a list; raises InvalidAddress."""
    rule = "a fleet is a list: Fleet(['host:9090', Node(…)]), not %r"
    if isinstance(nodes, (str, bytes, Node)) or not isinstance(nodes, Iterable):
        raise InvalidAddress(rule % (nodes,))
    return [node if isinstance(node, Node) else Node(node) for node in nodes]
