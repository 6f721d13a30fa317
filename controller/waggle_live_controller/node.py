"""``Node``: reads the collector of one node."""

import copy
import http.client
import threading
import time
import weakref
import zlib
from functools import partial
from typing import Any, Dict, Mapping, NoReturn, Optional, Tuple

from . import answer
from .connection import address, failures
from .connection.credentials import authorization, checked_token, tls_context
from .errors import (
    InvalidAddress,
    InvalidCredentials,
    NodeAnswerInvalid,
    NodeUnreachable,
)
from .hints import unexpected
from .http_client import HttpClient, Response, ResponseTooLong
from .knobs import Knobs, read_knobs
from .snapshot import Snapshot
from .version import VERSION

#: Seconds that a whole poll may take by default.
DEFAULT_TIMEOUT = 2.0
#: The longest timeout in seconds.
MAX_TIMEOUT = 86400.0
API = "/api/v1/"
TOKEN_HEADER = "Waggle-Control-Token"


class Node:
    """One node's collector at ``url``: ``host:9090``, ``http://host:9090`` or ``https://…``.

    ``host`` alone means ``http://host:9090``. ``timeout``: seconds, at most a day, for a whole
    poll: from the look-up of the name to the last byte, over all addresses of the name.
    ``ca_file``: the authority that signs the collector's certificate; by default those of the
    system. ``cert_file`` and ``key_file``: our own certificate, if the collector requires one.
    ``username`` and ``password``: its basic auth. ``control_token``: that of
    ``--control.token-file``, which :class:`Leases` needs. Without TLS, passwords and tokens can be
    read on the way.

    The constructor opens nothing. Raises InvalidAddress for a bad ``url`` or ``timeout``,
    InvalidCredentials for bad credentials, and TypeError for an unknown argument. The first poll
    opens a connection. :meth:`close`, the end of a ``with`` block or of the object closes it.

    Thread-safe: polls of several threads take turns. Not to be used across a fork.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        ca_file: Optional[str] = None,
        cert_file: Optional[str] = None,
        key_file: Optional[str] = None,
        username: Optional[str] = None,
        password: Optional[str] = None,
        control_token: Optional[str] = None,
        **unknown: NoReturn,
    ) -> None:
        if unknown:
            raise unexpected("Node", unknown, "Node('host:port', timeout=…)")
        if type(timeout) not in (int, float) or not 0 < timeout <= MAX_TIMEOUT:
            text = "timeout must be more than 0 s and at most a day, not %r"
            raise InvalidAddress(text % (timeout,))
        where = address.parse(url)
        if not where.is_tls and (ca_file or cert_file or key_file):
            raise InvalidCredentials("certificates need an address that begins with https://")
        tls = tls_context(ca_file, cert_file, key_file) if where.is_tls else None
        #: The whole URL, as in errors and in a fleet's results.
        self.url = where.url
        self.timeout = timeout
        self._prefix = where.prefix + API
        self._headers = {
            "Accept-Encoding": "gzip",
            # No cache on the way may answer.
            "Cache-Control": "no-cache",
            "User-Agent": "waggle-live-controller/" + VERSION,
            # The collector stops work on a request that we no longer wait for.
            "X-Prometheus-Scrape-Timeout-Seconds": "%g" % timeout,
            **authorization(username, password),
        }
        self._token = {} if control_token is None else {TOKEN_HEADER: checked_token(control_token)}
        self._connect = partial(HttpClient, address=where, tls=tls)
        self._begin()

    def _begin(self) -> None:
        self._client = self._connect()
        # Node(url).poll() in one line, without close(), also leaves no open socket.
        weakref.finalize(self, self._client.close)
        self._lock = threading.Lock()
        #: By window: the newest answer's time by the collector's clock, and when it first came.
        self._newest: Dict[Optional[int], Tuple[Optional[float], float]] = {}

    def twin(self) -> "Node":
        """Return the same node with its own connection, which waits for no poll of this one."""
        twin = copy.copy(self)
        twin._begin()
        return twin

    def poll(self, window: Optional[int] = None, **unknown: NoReturn) -> Snapshot:
        """Return all plugins of the node as they are now, within ``timeout``.

        ``window``: the seconds, 1 to 10 (the default), over which means, quantiles and rates are
        taken. ``snapshot.window`` says what the collector used; one older than 0.1.0 ignores it.

        Raises NodeUnreachable, NodeNotReady, NodeRefused or NodeAnswerInvalid (each a NodeError) if
        there is no answer. Raises ValueError for another window, TypeError for an unknown argument.

        Nothing is kept here. ``snapshot.age`` says how old the answer is, also if a cache on the
        way repeats it.
        """
        if unknown:
            raise unexpected("poll", unknown, "poll(window=…); Node(url, timeout=…)")
        path = "plugins"
        if window is not None:
            if type(window) is not int or not 1 <= window <= 10:
                raise ValueError("a window is a whole number of seconds, 1 to 10, not %r" % window)
            path += "?window=%d" % window
        response = self._get(path)
        received = time.monotonic() - _seconds_in_cache(response)
        read = self._read(answer.read, response)
        now, first = self._newest.get(window, (None, received))
        if read.now is not None and read.now == now:
            received = min(first, received)
        self._newest[window] = read.now, received
        return Snapshot(
            self.url, read.node, read.plugins, received, read.gone, read.now, read.window
        )

    def knobs(self) -> Knobs:
        """Return the knobs of all plugins, their values, and who holds them. Needs no token.

        Raises NodeUnreachable, NodeNotReady, NodeRefused or NodeAnswerInvalid. A collector older
        than 0.1.0 has no knobs: NodeAnswerInvalid.
        """
        knobs: Knobs = self._read(read_knobs, self._get("knobs"))
        return knobs

    def order(
        self, method: str, path: str, headers: Mapping[str, str], body: Optional[bytes] = None
    ) -> Response:
        """Send a request with the token, and return the answer, whatever its status.

        ``path`` follows ``/api/v1/``. The request may arrive twice. Raises NodeUnreachable,
        NodeRefused or NodeAnswerInvalid if there is no answer.
        """
        return self._exchange(method, path, {**self._token, **headers}, body)

    def _get(self, path: str) -> Response:
        response = self._exchange("GET", path, {})
        if response.status != 200:
            raise failures.of_answer(self.url, response.status, response.headers, response.body)
        return response

    def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: Optional[bytes] = None
    ) -> Response:
        deadline = time.monotonic() + self.timeout
        whole = {**self._headers, **headers}
        if not self._lock.acquire(timeout=self.timeout):
            text = "no answer within %g s: others of this program were asking it"
            raise NodeUnreachable(self.url, text % self.timeout)
        try:
            return self._client.exchange(method, self._prefix + path, whole, deadline, body)
        except ResponseTooLong as error:
            raise NodeAnswerInvalid(self.url, "the answer is too long") from error
        except (OSError, http.client.HTTPException, zlib.error) as error:
            raise failures.of_exception(self.url, self.timeout, error) from error
        finally:
            self._lock.release()

    def _read(self, reader: Any, response: Response) -> Any:
        try:
            return reader(response.body)
        except ValueError as error:
            text = "the answer isn't that of a collector: %s" % error
            raise NodeAnswerInvalid(self.url, text) from error

    def close(self) -> None:
        """Close the connection. The next poll opens another one."""
        with self._lock:
            self._client.close()

    def __enter__(self) -> "Node":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        return "Node(%r)" % self.url


def _seconds_in_cache(response: Response) -> float:
    """Return the seconds for which a cache on the way says that it has kept an answer."""
    age = response.headers.get("age", "")
    return float(age) if age.isdecimal() and len(age) < 10 else 0.0
