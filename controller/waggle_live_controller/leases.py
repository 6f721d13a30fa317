"""``Leases``: holds knobs of a node's plugins at values, for as long as decisions are fresh."""

import contextlib
import json
import os
import re
import threading
import time
from typing import Any, Callable, Dict, Iterable, NamedTuple, Optional, Tuple
from urllib.parse import quote

from .connection import failures
from .errors import ControlRefused, LeaseConflict, LeaseError, NodeError
from .hints import names_its_fields
from .http_client import Response
from .knobs import Value
from .node import Node
from .plugins import PluginIdentity
from .snapshot import Snapshot

#: Seconds that a lease lasts without renewal, by default.
DEFAULT_TTL = 10.0
MIN_TTL, MAX_TTL = 2.0, 60.0
#: A lease is renewed when this share of it is over, so two tries may fail.
_RENEW_AFTER = 1 / 3
_HOLDER = re.compile(r"[a-z0-9._-]{1,64}")


@names_its_fields
class Entry(NamedTuple):
    """A knob of a plugin, and the value to hold it at."""

    identity: PluginIdentity
    name: str
    value: Value


@names_its_fields
class Held(NamedTuple):
    """The collector's answer to an entry."""

    entry: Entry
    #: ``applied``, ``pending``, ``unchanged``, ``refused``, ``held_by``, ``pinned`` or
    #: ``quarantined``.
    status: str
    #: The reason, in the collector's words; empty if there is none.
    rule: str


class Leases:
    """Leases of one holder on one node; a context manager.

    ``holder``: a name of ``a-z0-9._-`` that everybody sees. Two programs of one name exclude each
    other. ``ttl``: seconds (2 to 60) after which plugins fall back to their defaults if this
    program is silent. ``priority`` (0 to 9): a higher one takes a knob over; people use 9. The node
    needs its ``control_token``. Raises ValueError for an argument out of bounds.

    A thread sends what :meth:`hold` says, on its own connection, and repeats what failed. It
    **never renews by itself**: only a hold with a newer snapshot does. A program that hangs, or
    decides by old numbers, loses its leases ``ttl`` seconds after its last decision. Leaving the
    block releases everything. Thread-safe.
    """

    def __init__(
        self, node: Node, holder: str, *, ttl: float = DEFAULT_TTL, priority: int = 0
    ) -> None:
        if not isinstance(node, Node):
            raise ValueError("node is a Node(url, control_token=…), not %r" % (node,))
        if not (isinstance(holder, str) and _HOLDER.fullmatch(holder)):
            raise ValueError("a holder is 1 to 64 of a-z, 0-9, '.', '_', '-', not %r" % (holder,))
        if type(ttl) not in (int, float) or not MIN_TTL <= ttl <= MAX_TTL:
            raise ValueError("ttl is %g to %g s, not %r" % (MIN_TTL, MAX_TTL, ttl))
        if priority not in range(10):
            raise ValueError("priority is 0 to 9, not %r" % priority)
        self.holder = holder
        self.ttl = ttl
        self.priority = priority
        self._node = node.twin()
        self._process = os.getpid()
        self._path = "leases/" + quote(holder)
        self._changed = threading.Condition()
        self._will: Tuple[Entry, ...] = ()
        #: The numbers of the latest decision and of the latest answered one; when they were made.
        self._decision = self._answered = 0
        self._decided_at = self._renewed_at = float("-inf")
        self._stated: Optional[Tuple[Entry, ...]] = None
        self._seen = float("-inf")
        self._etag: Optional[str] = None
        self._held: Tuple[Held, ...] = ()
        self._error: Optional[NodeError] = None
        self._over = False
        self._thread: Optional[threading.Thread] = None

    @property
    def held(self) -> Tuple[Held, ...]:
        """The latest answers to the entries, in their order."""
        return self._held

    @property
    def error(self) -> Optional[NodeError]:
        """Why the latest request to the node failed (a NodeError); None if it didn't."""
        return self._error

    def hold(self, will: Iterable[Entry], *, by: Snapshot) -> None:
        """Hold each knob in ``will`` at its value, and release all others.

        ``by``: the snapshot that the decision is based on. If it isn't newer than that of the last
        call, nothing is renewed or changed. Returns at once and raises nothing. ``held`` and
        ``error`` tell the result.
        """
        with self._changed:
            if by.received <= self._seen or by.age > self.ttl or self._over:
                return
            self._seen = by.received
            self._will = tuple(will)
            self._decision += 1
            self._decided_at = by.received
            if self._thread is None:
                self._begin()
            self._changed.notify()

    def _begin(self) -> None:
        """Start the thread. If that fails, the next call of hold tries again."""
        name = "leases-" + self._node.url
        thread = threading.Thread(target=self._run, name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # as "can't start new thread"
            self._error = LeaseError(self._node.url, "the will could not be sent: %s" % error)
        else:
            self._thread = thread

    def wait(self, timeout: float) -> bool:
        """Wait for the answer to the latest ``hold``, at most ``timeout`` seconds. Returns success.

        The values need not be applied then: ``held`` says.
        """
        with self._changed:
            return self._changed.wait_for(
                lambda: self._stated == self._will and self._error is None, timeout
            )

    def release(self) -> None:
        """Release everything and end, within the node's timeout. Raises nothing.

        What can't be released ends by itself after ``ttl``. Does nothing in a forked child.
        """
        if os.getpid() != self._process:
            return
        with self._changed:
            self._over = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        if self._etag is not None:
            with contextlib.suppress(NodeError):
                self._node.order("DELETE", self._path, {"If-Match": self._etag})
            self._etag = None
        self._node.close()

    def __enter__(self) -> "Leases":
        return self

    def __exit__(self, *_: Any) -> None:
        self.release()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._is_due)
                if self._over:
                    return
                will, decision, decided = self._will, self._decision, self._decided_at
            error: Optional[NodeError] = None
            try:
                held = self._state(will)
            except NodeError as failure:
                error = failure
            except Exception as failure:  # report a bug of ours
                error = LeaseError(self._node.url, "the will could not be sent: %r" % failure)
            with self._changed:
                self._error = error
                if error is None:
                    self._held, self._stated = held, will
                    self._answered, self._renewed_at = decision, decided
                self._changed.notify_all()
                if error is not None and not self._over:
                    # A failed request is repeated a few times per lease, while the decision is
                    # fresh.
                    self._changed.wait(min(self.ttl / 10, 1.0))

    def _is_due(self) -> bool:
        """Tell whether there is something to send. Call it with the lock held."""
        if self._over:
            return True
        if self._decision == self._answered or time.monotonic() - self._decided_at > self.ttl:
            return False
        return (
            self._will != self._stated
            or self._decided_at - self._renewed_at >= self.ttl * _RENEW_AFTER
            or any(each.status == "pending" for each in self._held)
        )

    def _state(self, will: Tuple[Entry, ...]) -> Tuple[Held, ...]:
        """Send the values to hold. Raises NodeError."""
        if not will and self._etag is None:
            return ()
        entries = [
            dict(zip(("plugin", "plugin_task", "plugin_job"), entry.identity), **_named(entry))
            for entry in will
        ]
        whole = {"ttl": self.ttl, "priority": self.priority, "set": entries}
        body = json.dumps(whole).encode("utf-8")
        response = self._put(body)
        if response.status == 412 and self._etag is not None:
            self._etag = None  # the lease has ended, or the collector has lost it
            response = self._put(body)
        if response.status not in (200, 201):
            raise self._refusal(response)
        self._etag = response.headers.get("etag")
        return tuple(map(_held, will, _entries(response, len(will), self._node.url)))

    def _put(self, body: bytes) -> Response:
        condition = {"If-None-Match": "*"} if self._etag is None else {"If-Match": self._etag}
        headers = {"Content-Type": "application/json", **condition}
        return self._node.order("PUT", self._path, headers, body)

    def _refusal(self, response: Response) -> NodeError:
        if response.status >= 500:  # not because of the values
            return failures.of_answer(
                self._node.url, response.status, response.headers, response.body
            )
        said = response.body[:300].decode("utf-8", "replace").strip()
        kind: Callable[[str, str], LeaseError] = LeaseError
        if response.status in (401, 403):
            kind = ControlRefused
        elif response.status == 412:
            kind = LeaseConflict
        elif response.status == 404:
            kind, said = ControlRefused, "takes no orders: no collector, or one before 0.1.0"
        return kind(self._node.url, said or "answered %d" % response.status)


def _named(entry: Entry) -> Dict[str, Any]:
    return {"name": entry.name, "value": entry.value}


def _entries(response: Response, count: int, url: str) -> Any:
    """Return the answers to the entries, as many as there were. Raises LeaseError."""
    try:
        entries = json.loads(response.body.decode("utf-8"))["entries"]
        if len(entries) == count and all(type(each["status"]) is str for each in entries):
            return entries
    except (ValueError, KeyError, TypeError):
        pass
    raise LeaseError(url, "the answer to the leases isn't that of a collector")


def _held(entry: Entry, told: Any) -> Held:
    rule = told.get("rule") or ""
    if told["status"] == "held_by":
        rule = "%s holds it" % told.get("holder")
    return Held(entry, told["status"], str(rule))
