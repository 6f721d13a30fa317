"""``Fleet``: polls many nodes at the same time."""

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
    """The outcome of polling one node: a Snapshot or a NodeError."""

    url: str
    outcome: Outcome


@names_its_fields
class FleetSnapshot(NamedTuple):
    """The outcomes of all nodes by their URLs. Each node is in one of the two."""

    snapshots: Dict[str, Snapshot]
    errors: Dict[str, NodeError]


class Fleet:
    """Several nodes, each given as a :class:`Node` or an address. A context manager.

    Raises InvalidAddress for a bad address, or a node that is given twice; InvalidCredentials as
    :class:`Node`. Each poll of a node runs in its own daemon thread, so a slow node delays no
    other. A node slower than ``within`` gives a NodeLate, and its poll goes on. The next poll
    returns that answer, unless it is older than ``within`` by then. After any other error the next
    poll asks the node again.

    Thread-safe: callers share a poll of a node that is under way.
    """

    def __init__(self, nodes: Iterable[Union[Node, str]]) -> None:
        self.nodes = _nodes(nodes)
        urls = [node.url for node in self.nodes]
        twice = [url for url in urls if urls.count(url) > 1]
        if twice:
            raise InvalidAddress("a fleet has each node once, but %s is given twice" % twice[0])
        self._pollers = [_Poller(node) for node in self.nodes]
        self._lock = threading.Lock()

    def poll(self, within: float = DEFAULT_TIMEOUT, **unknown: NoReturn) -> FleetSnapshot:
        """Poll all nodes. Returns when all have answered, or after ``within`` seconds.

        Raises nothing for a node that fails: its NodeError is in ``errors``. Raises ValueError if
        ``within`` is not 0 s to a day, TypeError for an unknown argument.
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
        """Poll all nodes, and yield each outcome as it comes.

        After ``within`` seconds it yields a NodeLate for each node that has not answered. Raises
        ValueError as :meth:`poll`.
        """
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
        """Close the connections, those in use after the node has answered. Returns at once."""
        for node in self.nodes:
            try:
                threading.Thread(target=node.close, daemon=True).start()
            except RuntimeError:  # no thread can be started: takes at most the node's timeout
                node.close()

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


class _Poller:
    """Polls one node, at most once at a time. Call ``begin`` under the fleet's lock."""

    def __init__(self, node: Node) -> None:
        self._node = node
        #: The poll under way, or an ended one whose outcome was not taken yet.
        self._poll: Optional[Future[Outcome]] = None
        self._began = self._ended = 0.0

    def begin(self, fresh: float) -> "Future[Outcome]":
        """Return the present poll, or begin one if it ended over ``fresh`` seconds ago."""
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
        """Return the outcome of a poll: a NodeLate while it is under way."""
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
        except BaseException as error:  # a bug of ours must not leave callers waiting
            outcome = NodeError(self._node.url, "the poll failed: %r" % error)
        self._end(poll, outcome)

    def _end(self, poll: "Future[Outcome]", outcome: Outcome) -> None:
        self._ended = time.monotonic()
        poll.set_result(outcome)


def _nodes(nodes: Any) -> List[Node]:
    """Return the nodes of a list. Raises InvalidAddress if it is no list."""
    rule = "a fleet is a list: Fleet(['host:9090', Node(…)]), not %r"
    if isinstance(nodes, (str, bytes, Node)) or not isinstance(nodes, Iterable):
        raise InvalidAddress(rule % (nodes,))
    return [node if isinstance(node, Node) else Node(node) for node in nodes]
