"""``Fleet``: many nodes polled side by side."""

import queue
import threading
import time
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Union

from .errors import NodeError, NodeLate
from .node import DEFAULT_TIMEOUT, Node
from .snapshot import Snapshot

Outcome = Union[Snapshot, NodeError]


class FleetSnapshot(NamedTuple):
    """What the nodes said, by their URLs: each is in one of the two."""

    snapshots: Dict[str, Snapshot]
    errors: Dict[str, NodeError]


class Fleet:
    """Some nodes, given as :class:`Node` or as URLs; raises ValueError for one that is named twice.

    Every node is asked by a thread of its own, which exists while the question does. A node that is
    slow delays nobody: who has not answered in time is among the errors, is not asked again as long
    as it is at it, and its answer is what the next poll gives of it (``snapshot.age`` says how old
    it is by then). Safe to use from several threads, whose polls then take turns.
    """

    def __init__(self, nodes: Iterable[Union[Node, str]]) -> None:
        self.nodes: List[Node] = []
        for node in nodes:
            self.nodes.append(Node(node) if isinstance(node, str) else node)
        self._asks = {node.url: _Ask(node) for node in self.nodes}
        if len(self._asks) < len(self.nodes):
            raise ValueError("a node stands in the list twice")
        self._lock = threading.Lock()

    def poll(self, within: float = DEFAULT_TIMEOUT) -> FleetSnapshot:
        """Ask all nodes; return when all have answered, or after ``within`` seconds."""
        result = FleetSnapshot({}, {})
        for url, outcome in self.poll_each(within):
            if isinstance(outcome, Snapshot):
                result.snapshots[url] = outcome
            else:
                result.errors[url] = outcome
        return result

    def poll_each(self, within: float = DEFAULT_TIMEOUT) -> Iterator["Polled"]:
        """Ask all nodes; yield what each says as it comes, and errors for those that are late."""
        with self._lock:
            arrivals: "queue.Queue[Polled]" = queue.Queue()
            deadline = time.monotonic() + within
            waiting = dict(self._asks)
            for ask in waiting.values():
                ask.begin(arrivals, within)
            while waiting:
                try:
                    polled = arrivals.get(timeout=max(0.0, deadline - time.monotonic()))
                except queue.Empty:
                    break
                del waiting[polled.url]
                yield polled
            for ask in waiting.values():
                ask.give_up()
            while not arrivals.empty():  # came in this very moment
                polled = arrivals.get()
                del waiting[polled.url]
                yield polled
            for url, ask in waiting.items():
                text = "no answer yet after %.1f s" % ask.seconds()
                yield Polled(url, NodeLate(url, text))

    def close(self) -> None:
        """Close the connections, of nodes that are still being asked once they have answered."""
        for node in self.nodes:
            threading.Thread(target=node.close, daemon=True).start()

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


class Polled(NamedTuple):
    """What came of asking one node."""

    url: str
    outcome: Outcome


class _Ask:
    """At most one question to a node at a time."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._lock = threading.Lock()
        self._running = False
        self._began = self._ended = 0.0
        #: Where the answer goes; while nobody waits for one it is kept here.
        self._arrivals: "Optional[queue.Queue[Polled]]" = None
        self._kept: Optional[Polled] = None

    def begin(self, arrivals: "queue.Queue[Polled]", fresh: float) -> None:
        """See to it that an answer comes: one that was kept and is at most ``fresh`` seconds old,
        that of the question under way, or of a new one."""
        now = time.monotonic()
        with self._lock:
            kept, self._kept = self._kept, None
            if kept is not None and now - self._ended <= fresh:
                arrivals.put(kept)
                return
            self._arrivals = arrivals
            if self._running:
                return
            self._running, self._began = True, now
        name = "poll-" + self._node.url
        threading.Thread(target=self._poll, name=name, daemon=True).start()

    def give_up(self) -> None:
        """Wait no longer: what comes from now on is kept."""
        with self._lock:
            self._arrivals = None

    def seconds(self) -> float:
        """Return since when the question is under way."""
        return time.monotonic() - self._began

    def _poll(self) -> None:
        outcome: Outcome
        try:
            outcome = self._node.poll()
        except NodeError as error:
            outcome = error
        except Exception as error:  # a fault of ours must not leave the node waited for, for ever
            outcome = NodeError(self._node.url, "the poll failed: %r" % error)
        polled = Polled(self._node.url, outcome)
        with self._lock:
            self._running, self._ended = False, time.monotonic()
            if self._arrivals is None:
                self._kept = polled
            else:
                self._arrivals.put(polled)
                self._arrivals = None
