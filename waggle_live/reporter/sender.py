"""The sender: the daemon thread of a reporter that carries changed series to the collector.

Each interval it folds the series and sends the cells of those that changed: running totals, not
increments. All processes of a node tick at the same multiples of the interval, so they wake the
collector together. After a reconnect it sends every cell. Only a flush and the end wait for an
answer.
"""

from contextlib import suppress
from typing import Any, Callable, Dict, List, Optional

from ..control.orders import NO_ORDERS, NoOrders
from ..logs import LogOnce
from ..native import Native
from ..series.state import SeriesState
from ..wire.protocol import encode
from .address import Address
from .connection import Connection
from .gauge_functions import GaugeFunctions
from .link import Link
from .request import Alarm, Request, Requests
from .session import Session
from .updates import Updates
from .usage import Figures

#: Seconds between two sends.
DEFAULT_INTERVAL = 0.25
#: The longest time in seconds until an order of the collector is read, whatever the interval.
DEFAULT_LISTEN_SECONDS = 0.25
#: Seconds between checks for new requests while others wait for an answer. While somebody waits,
#: also the first and the longest time between attempts to connect.
LOOK_SECONDS = 0.01
MIN_PAUSE, MAX_PAUSE = 0.02, 0.1


def tick_after(now: float, interval: float) -> float:
    """Return the first multiple of ``interval`` after ``now``, both in seconds."""
    return (now // interval + 1) * interval


class Sender:
    """Owns the link, the session and the thread. ``start`` starts, ``finish`` ends it.

    ``on_end`` is called in the thread once the session has ended: then another may begin.
    """

    def __init__(
        self,
        *,
        states: Callable[[], List[SeriesState]],
        session: Session,
        addresses: Callable[[], List[Address]],
        usage: Optional[Figures],
        functions: Optional[GaugeFunctions] = None,
        orders: NoOrders = NO_ORDERS,
        on_end: Callable[[], None] = lambda: None,
        interval: float = DEFAULT_INTERVAL,
    ) -> None:
        self._session = session
        self._functions = functions
        self._on_end = on_end
        self._interval = interval
        self._ident: Optional[int] = None
        self._log_once = log_once = LogOnce()
        self._updates = Updates(states=states, session=session, usage=usage, log_once=log_once)
        self._link = Link(
            session=session,
            addresses=addresses,
            refuse=self._updates.refuse,
            obey=orders.hear if orders.is_on else None,
            interval=interval,
            log_once=log_once,
        )
        #: The connection on which every cell was sent.
        self._sent_on: Optional[Connection] = None
        #: Whether the thread goes on, under 0: the first decision counts.
        self._is_to_go: Dict[int, bool] = {}
        self._decided = Alarm()
        self._next_tick, self._pause = 0.0, MIN_PAUSE
        self._requests, self._orders = Requests(), orders
        #: Requests that wait for an answer, the end among them.
        self._waiting: List[Request] = []
        self._end: Optional[Request] = None
        #: The question before the end: until it is answered, refused values can go elsewhere.
        self._before_end: Optional[Request] = None
        self._is_over = False
        #: Whether the collector has applied all of the session, once that is over.
        self.is_told = False

    def start(self) -> None:
        """Start the thread. Raises RuntimeError if none can be started.

        A signal handler may raise here too; then ``cancel`` tells whether the thread goes on.
        """
        Native.start_thread(self._run, "waggle-live")
        self._is_to_go.setdefault(0, True)
        self._decided.set()

    def cancel(self) -> bool:
        """Have the thread end before it begins. False if it was already decided that it goes on."""
        is_to_go = self._is_to_go.setdefault(0, False)
        self._decided.set()
        return not is_to_go

    def flush(self, timeout: float, patient: bool = True) -> bool:
        """Send now. True once the collector has applied it, False after ``timeout`` seconds.

        Not ``patient``: returns False at once without a connection.
        """
        if self._is_own_thread():
            return False  # a gauge's function can't wait for itself
        return self._requests.make(timeout, None, patient).wait()

    def finish(self, status: str, timeout: float) -> Callable[[], None]:
        """Send what is left and ``bye``, and end the thread. Returns what waits for that."""
        request = self._requests.make(timeout, status, patient=True)

        def wait() -> None:
            if not self._is_own_thread():
                request.wait()

        return wait

    def abandon(self) -> None:
        """Release everything in a forked child; the parent goes on using the connection."""
        self._link.close()

    def _is_own_thread(self) -> bool:
        is_function = self._functions is not None and self._functions.is_current()
        return is_function or self._ident == Native.get_ident()

    def _run(self) -> None:
        self._ident = Native.get_ident()
        while not self._is_to_go:
            self._decided.wait(LOOK_SECONDS)
        if not self._is_to_go[0]:
            self._requests.close()
            return
        while not self._is_over:
            try:
                self._step()
            except BaseException as error:  # a tool may raise SystemExit in all threads
                with suppress(BaseException):
                    self._link.lose(error)
                    Native.sleep(MIN_PAUSE)  # it would fail again at once
        self._leave()

    def _step(self) -> None:
        """Wait for the next tick or request, and send."""
        made: List[Request] = []
        if self._end is None:  # else new requests belong to the next session
            wait = min(self._next_tick - Native.monotonic(), DEFAULT_LISTEN_SECONDS)
            made = self._requests.take(0.0 if self._waiting else wait)
            self._waiting += made
            self._end = next((each for each in made if each.status is not None), None)
        now = Native.monotonic()
        # After the bye nothing is sent. Its answer is the collector's last message.
        is_asked = self._end is not None and self._end.number is not None
        is_due = made or (now >= self._next_tick and not is_asked)
        try:
            if is_due or self._link.connection is None:
                self._next_tick = tick_after(now, self._interval)
                self._tick(made)
            elif not is_asked and not self._waiting:
                self._link.look(False)  # the interval is longer than a set may wait
                self._orders.tell(self._link.connection, self._updates.is_last)
            self._serve()
        except Exception as error:
            self._link.lose(error)
        self._give_up(now)  # not a later time: whoever is late was seen to once more
        if self._waiting and self._link.connection is None:
            # There was a collector a moment ago; it may be restarting, so wait for it.
            Native.sleep(self._pause)
            self._pause = min(2 * self._pause, MAX_PAUSE)
        else:
            self._pause = MIN_PAUSE

    def _tick(self, made: List[Request]) -> None:
        """Send what changed, on a new connection if need be. ``made``: the newest requests."""
        self._ask_functions(made)
        urgent = any(request.patient for request in self._waiting)
        for _ in range(2):  # a broken connection is replaced at once
            try:
                self._link.look(urgent)
                if self._link.connection is not None:
                    self._send(self._link.connection)
                break
            except Exception as error:
                self._link.lose(error)
        if self._link.connection is None:
            self._updates.fold()

    def _ask_functions(self, made: List[Request]) -> None:
        if self._functions is None:
            return
        states, until = self._updates.states(), [request.until for request in made]
        try:
            self._functions.ask_in_time(states, self._interval, until)
        except Exception as error:
            self._log_once.fault(error, "the functions of gauges can't be asked")

    def _send(self, connection: Connection) -> bool:
        """Send the series that changed, unless earlier lines still wait for the kernel.

        Returns False if something is left: then, or if a series was just being folded.
        """
        connection.send(b"")
        if not connection.is_clear:
            self._updates.fold()
            return False
        everything = connection is not self._sent_on
        if everything:
            for request in self._waiting:  # ask again what was asked on another connection
                request.number = None
        lines, complete = self._updates.take(everything)
        for line in lines:
            connection.send(line)
        self._orders.tell(connection, self._updates.is_last)
        self._sent_on = connection
        return complete

    def _serve(self) -> None:
        """Ask for each request once all that was recorded before it is sent; handle the answers."""
        if self._end is not None and not self._updates.is_last and self._is_sure(self._end):
            self._updates.end(self._end.until)
        connection = self._link.connection
        if not self._waiting or connection is None:
            return
        unasked = [request for request in self._waiting if request.number is None]
        if self._end in unasked and not self._updates.is_last:
            unasked.remove(self._end)
        if unasked and self._send(connection):
            self._ask(connection, unasked)
        connection.send(b"")
        soon = Native.monotonic() + LOOK_SECONDS
        connection.wait(min([soon, *(request.until for request in self._waiting)]))
        self._link.hear()
        for request in self._waiting:
            number = request.number
            if number is not None and number <= self._link.applied <= self._session.number:
                if request is self._end:
                    self.is_told = self._is_over = True
                elif number <= self._updates.refused_at:
                    request.number = None  # to be asked again once the values have gone elsewhere
                else:
                    request.finish(True)

    def _is_sure(self, end: Request) -> bool:
        """Tell whether the collector has said what it refuses, or had half of the time to."""
        if self._before_end is None:
            until = (Native.monotonic() + end.until) / 2
            self._before_end = Request(until, None, patient=False)
            if self._link.connection is not None and self._updates.newest > self._link.applied:
                self._waiting.append(self._before_end)
            else:
                self._before_end.finish(True)
        return self._before_end.done.is_set() or Native.monotonic() >= self._before_end.until

    def _ask(self, connection: Connection, unasked: List[Request]) -> None:
        self._session.number += 1  # each has its own number, so an old answer doesn't count
        question: Dict[str, Any] = {"type": "flush", "number": self._session.number}
        if self._end is not None and self._updates.is_last:
            question.update(type="bye", status=self._end.status)
            process = self._updates.process()
            if process is not None:
                question["process"] = process
        connection.send(encode(question))
        for request in unasked:
            request.number = self._session.number

    def _give_up(self, now: float) -> None:
        """Finish requests that are late at ``now``, and those that don't wait for a connection."""
        is_lost = self._link.connection is None
        for request in self._waiting:
            can_wait = request.patient and self._link.was_connected
            if now >= request.until or (is_lost and not can_wait):
                if request is self._end:
                    self._is_over = True
                elif self._end is None or request is self._before_end:
                    request.finish(False)  # others are answered with the end
        self._waiting = [request for request in self._waiting if not request.done.is_set()]

    def _leave(self) -> None:
        """Leave the session: from now on another may begin. All waits end."""
        self._link.close()
        for step in (self._orders.end, self._answer_rest, self._on_end):
            try:
                step()
            except Exception as error:
                self._log_once.fault(error, "internal error at the end of a session")
        self._requests.close()

    def _answer_rest(self) -> None:
        if self._functions is not None:
            self._functions.end()
        made_since = self._requests.take(0.0)
        is_all = self._updates.leave() and self.is_told
        for request in self._waiting + made_since:
            if request.status is None:
                request.finish(self.is_told if request in self._waiting else is_all)
