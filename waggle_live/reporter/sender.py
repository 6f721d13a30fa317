"""The sender: the daemon thread of a reporter that carries changed series to the collector.

Every interval it folds the series and sends the cells of those that changed: running totals, not
increments. After a reconnect it sends every cell, so there is no queue and nothing to resend.
Only a flush and the end wait for an answer, and never long.
"""

from contextlib import suppress
from typing import Any, Callable, Dict, List, Optional, Sequence, Set, Union

from ..logs import LogOnce
from ..native import Native
from ..series.state import LastCell, SeriesState, fold_all
from ..wire.protocol import encode, encode_updates
from . import fork
from .address import Address
from .connection import Connection, explain
from .request import Request, Requests
from .session import Session
from .usage import Figures

#: Seconds between two sends.
DEFAULT_INTERVAL = 0.25
#: Seconds between process figures while there is something else to send, and while there isn't.
PROCESS_INTERVAL, IDLE_PROCESS_INTERVAL = 1.0, 2.0
#: Seconds between attempts to connect over TCP; over a unix socket every interval is one.
TCP_RETRY = 1.0
#: Seconds to stay away from a collector that closed the door on us.
REFUSED_RETRY = 5.0
#: Seconds that a fold which runs at the end of a session may take: many times what one takes.
FOLD_SECONDS = 0.05
#: Seconds without a collector before the one line of log about it.
GRACE = 2.0
ABSENT = "no collector at %s (%s); the plugin goes on without, and looks for it in the background"

State = Union[SeriesState, LastCell]

#: Where this process has said that nobody is: one line, however many plugins it opens in turn. Its
#: forked children inherit it. Bounded by the addresses that a program is written with.
_absent: "Set[Address]" = set()


class Sender:
    """Owns the connection, the session and the thread. ``start`` starts, ``finish`` ends it.

    ``on_end`` is called in that thread once the session has ended: from then on another may begin.
    """

    def __init__(
        self,
        *,
        states: Callable[[], List[SeriesState]],
        session: Session,
        addresses: Callable[[], List[Address]],
        usage: Optional[Figures],
        on_end: Callable[[], None] = lambda: None,
        interval: float = DEFAULT_INTERVAL,
    ) -> None:
        self._states: Callable[[], Sequence[State]] = states
        self._on_end = on_end
        self._session = session
        self._addresses = addresses
        self._usage = usage
        self._interval = interval
        self._ident: Optional[int] = None
        self._requests = Requests()
        self._connection: Optional[Connection] = None
        self._send_all = True
        self._since = session.started
        self._next_process = 0.0
        self._retry_at = 0.0
        self._was_connected = False
        self._log_once = LogOnce()

    def start(self) -> None:
        """Start the thread; raises RuntimeError where none can be started."""
        Native.start_thread(self._run, "waggle-live")

    def flush(self, timeout: float, patient: bool = True) -> bool:
        """Send now; True once the collector has applied it, False after ``timeout`` seconds.

        Not ``patient``: False at once where there is no connection.
        """
        if self._ident == Native.get_ident():
            return False  # a gauge's function can't wait for itself
        return self._requests.make(timeout, None, patient).wait()

    def finish(self, status: str, timeout: float) -> Callable[[], None]:
        """Send what is left and ``bye``, and end the thread; return what waits for that."""
        request = self._requests.make(timeout, status, patient=True)

        def wait() -> None:
            if self._ident != Native.get_ident():
                request.wait()

        return wait

    def abandon(self) -> None:
        """Let go of everything in a forked child, whose parent still uses the connection."""
        if self._connection is not None:
            self._connection.close()

    def _run(self) -> None:
        self._ident = Native.get_ident()
        next_tick = 0.0
        while True:
            flushes, end = self._requests.take(next_tick - Native.monotonic())
            next_tick = Native.monotonic() + self._interval
            try:
                self._tick(urgent=any(request.patient for request in flushes + end))
            except Exception as error:  # ours to mend, never the plugin's to suffer
                self._disconnect()
                self._log_once(repr(type(error)), "the sender met %r and goes on", error)
            for request in flushes + end:
                try:
                    request.succeeded = self._serve(request)
                except Exception as error:
                    self._log_once(repr(type(error)), "the sender met %r and goes on", error)
                if request.status is None:
                    request.done.set()
            if end:
                self._disconnect()
                if self._usage is not None:
                    self._usage.end(self)
                self._on_end()
                self._requests.close()
                return

    def _tick(self, urgent: bool = False) -> None:
        states = self._states()
        for state in states:
            if state.sample is not None:
                state.sample()
        for _ in range(2):  # a connection that turns out to be broken is replaced at once
            try:
                if self._connection is None:
                    self._connect(urgent)
                elif self._connection.is_orphaned():
                    self._disconnect()
                    continue
                else:
                    self._receive(self._connection)
                if self._connection is not None:
                    self._send(self._connection, states)
                break
            except OSError:
                self._lose()
        if self._connection is None:
            fold_all(states)

    def _connect(self, urgent: bool) -> None:
        now = Native.monotonic()
        if now < self._retry_at and not urgent:
            return
        for address in self._addresses():
            connection = self._connection = Connection(address)
            try:
                connection.open()
                connection.send(encode(self._session.hello(over_tcp=bool(address.host))))
                self._send_all = True
                self._was_connected = True
                return
            except OSError as error:
                self._disconnect()
                self._retry_at = now + (TCP_RETRY if address.host else 0.0)
                missed = now - self._session.started >= GRACE or urgent
                if missed and address not in _absent:
                    _absent.add(address)
                    self._log_once("connect", ABSENT, address, explain(error, address))

    def _lose(self) -> None:
        """Disconnect, once heard what the collector said last: it may be why it closed."""
        if self._connection is not None:
            with suppress(OSError):
                self._receive(self._connection)
        self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _send(self, connection: Connection, states: Sequence[State]) -> bool:
        """Send the series that changed, unless earlier lines still wait for the kernel.

        False if something is left to send: then, or when a series was being folded just now.
        """
        connection.send(b"")
        if not connection.is_clear:
            fold_all(states)
            return False
        now = Native.monotonic()
        messages: List[Dict[str, Any]] = []
        complete = True
        for state in states:
            if self._send_all or state.values or state.changed:
                message = state.take()
                if message is None:
                    state.changed = True
                    complete = False
                else:
                    messages.append(message)
        process = None
        # Whoever says nothing for longer counts as silent, so this is sent without figures, too.
        is_due = now >= self._next_process or self._send_all
        if is_due:
            process = self._read_usage()
            self._next_process = now + IDLE_PROCESS_INTERVAL
        if messages:
            self._next_process = min(self._next_process, now + PROCESS_INTERVAL)
        if messages or is_due:
            first = self._session.number + 1
            for number, line in encode_updates(messages, first, now, self._since, process):
                self._session.number = number
                connection.send(line)
        self._send_all = False
        self._since = now
        return complete

    def _read_usage(self) -> Optional[Dict[str, Any]]:
        if self._usage is None:
            return None
        with fork.held_off():  # it opens files
            return self._usage.read(self)

    def _receive(self, connection: Connection) -> List[Dict[str, Any]]:
        """Take in what the collector says; return what it has applied."""
        messages = connection.receive()
        for message in messages:
            if message["type"] != "error":
                continue
            code = str(message.get("code"))
            self._log_once(code, "the collector refused something: %s", message.get("text"))
            if code == "session_taken":
                self._session.renew()
                self._disconnect()
            elif code in ("version", "session_limit", "identity", "token"):
                self._disconnect()
                self._retry_at = Native.monotonic() + REFUSED_RETRY
        return [message for message in messages if message["type"] == "applied"]

    def _serve(self, request: Request) -> bool:
        """Flush or say bye, reconnecting as long as there is time; True once it is applied."""
        if request.status is not None:
            self._take_last(request.until)
        while True:
            try:
                if self._connection is not None and self._ask(self._connection, request):
                    return True
            except OSError:
                self._lose()
            if Native.monotonic() >= request.until or not (request.patient and self._was_connected):
                return False
            # There was a collector a moment ago: one that restarts is worth waiting for.
            Native.sleep(0.02)
            self._tick(urgent=True)

    def _take_last(self, until: float) -> None:
        """Take what is left once and for all: what is recorded from now on is the next session's.

        A series whose fold doesn't end in time goes untold. It gets ``FOLD_SECONDS`` in any case.
        """
        states = [state for state in self._states() if isinstance(state, SeriesState)]
        # Half of the time is left to send them.
        waits = (max(FOLD_SECONDS, (until - Native.monotonic()) / 2) for _ in states)
        last = [state.end(wait) for state, wait in zip(states, waits)]
        self._states = lambda: [cell for cell in last if cell is not None]

    def _ask(self, connection: Connection, request: Request) -> bool:
        """Send all there is and the question, and wait for the answer."""
        taken = False  # once it is, what is recorded meanwhile is no longer this request's
        while True:
            taken = taken or self._send(connection, self._states())
            connection.send(b"")
            if taken and connection.is_clear:
                break
            if Native.monotonic() >= request.until:
                return False
            self._receive(connection)
            connection.wait(min(request.until, Native.monotonic() + 0.01))
        question: Dict[str, Any] = {"type": "flush", "number": self._session.number}
        if request.status is not None:
            question.update(type="bye", status=request.status)
            process = self._read_usage()
            if process is not None:
                question["process"] = process
        connection.send(encode(question))
        while Native.monotonic() < request.until and self._connection is connection:
            for answer in self._receive(connection):
                if answer.get("number") == question["number"]:
                    return True
            connection.send(b"")
            connection.wait(request.until)
        return False
