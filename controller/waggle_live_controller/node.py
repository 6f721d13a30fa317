"""``Node``: asks the collector of one node."""

import copy
import http.client
import socket
import ssl
import threading
import time
import weakref
import zlib
from base64 import b64encode
from functools import partial
from typing import Any, Dict, Mapping, Optional

from . import answer
from .connection import address
from .errors import (
    InvalidAddress,
    InvalidCredentials,
    NodeAnswerInvalid,
    NodeError,
    NodeNotReady,
    NodeRefused,
    NodeUnreachable,
)
from .http_client import HttpClient, Response, ResponseTooLong
from .knobs import Knobs, read_knobs
from .snapshot import Snapshot
from .version import VERSION

#: Seconds that a whole poll may take.
DEFAULT_TIMEOUT = 2.0
API = "/api/v1/"
TOKEN_HEADER = "Waggle-Control-Token"


class Node:
    """One node's collector at ``url``: ``http://host:9090`` or ``https://…``.

    ``timeout``: seconds that a whole poll may take. ``ca_file``: the authority that signs the
    collector's certificate; by default those of the system. ``cert_file`` and ``key_file``: our own
    certificate, if the collector wants one. ``username`` and ``password``: its basic auth; without
    TLS they can be read on the way. ``control_token``: that of ``--control.token-file``, which
    :class:`Leases` needs; without TLS it can be read on the way, too.

    Constructing it opens nothing; raises InvalidAddress and InvalidCredentials. The first poll
    opens a connection, kept until :meth:`close`, the end of a ``with`` block or of the object.
    Safe to use from several threads, whose polls take turns. Not to be used across a fork.
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
    ) -> None:
        if type(timeout) not in (int, float) or not timeout > 0:
            raise InvalidAddress("timeout must be more than 0 s, not %r" % (timeout,))
        where = address.parse(url)
        if not where.is_tls and (ca_file or cert_file or key_file):
            raise InvalidCredentials("certificates need an address that begins with https://")
        tls = _tls(ca_file, cert_file, key_file) if where.is_tls else None
        #: Whole, as it stands in errors and in what a fleet answers.
        self.url = where.url
        self.timeout = timeout
        self._prefix = where.prefix + API
        self._headers = {
            "Accept-Encoding": "gzip",
            "User-Agent": "waggle-live-controller/" + VERSION,
            # The collector gives up on a request that we no longer wait for.
            "X-Prometheus-Scrape-Timeout-Seconds": "%g" % timeout,
            **_authorization(username, password),
        }
        self._token = {} if control_token is None else {TOKEN_HEADER: _checked(control_token)}
        self._connect = partial(HttpClient, address=where, tls=tls)
        self._begin()

    def _begin(self) -> None:
        self._client = self._connect()
        # Node(url).poll() in one line, without close(), leaves no open socket either.
        weakref.finalize(self, self._client.close)
        self._lock = threading.Lock()

    def twin(self) -> "Node":
        """Return the same node with a connection of its own, which waits for no poll of this."""
        twin = copy.copy(self)
        twin._begin()
        return twin

    def poll(self, window: Optional[int] = None) -> Snapshot:
        """Return all plugins of the node as they are now, within ``timeout``.

        ``window``: over how many seconds (1 to 10) the means, quantiles and rates are, 10 by
        default; a collector older than 0.2 always tells those of 10. Raises ValueError for another
        one, and a :class:`NodeError` if there is no answer: NodeUnreachable, NodeNotReady,
        NodeRefused or NodeAnswerInvalid. It never returns an earlier snapshot.
        """
        path = "plugins"
        if window is not None:
            if type(window) is not int or not 1 <= window <= 10:
                raise ValueError("a window is a whole number of seconds, 1 to 10, not %r" % window)
            path += "?window=%d" % window
        response = self._get(path)
        received = time.monotonic()
        read = self._read(answer.read, response)
        return Snapshot(self.url, read.node, read.plugins, received, read.gone)

    def knobs(self) -> Knobs:
        """Return the knobs of all plugins, their values, and who holds them; raises a NodeError.

        It needs no token. A collector older than 0.2 has none: NodeAnswerInvalid.
        """
        knobs: Knobs = self._read(read_knobs, self._get("knobs"))
        return knobs

    def order(
        self, method: str, path: str, headers: Mapping[str, str], body: Optional[bytes] = None
    ) -> Response:
        """Return the answer, of any status, to a request with the token.

        ``path`` follows ``/api/v1/``. Raises NodeUnreachable, NodeRefused and NodeAnswerInvalid
        where there is none. The request may arrive twice.
        """
        return self._exchange(method, path, {**self._token, **headers}, body)

    def _get(self, path: str) -> Response:
        response = self._exchange("GET", path, {})
        if response.status != 200:
            raise self._refusal(response)
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
        except (OSError, http.client.HTTPException, zlib.error, ResponseTooLong) as error:
            raise self._failure(error) from error
        finally:
            self._lock.release()

    def _read(self, reader: Any, response: Response) -> Any:
        try:
            return reader(response.body)
        except ValueError as error:
            text = "the answer is none of a collector: %s" % error
            raise NodeAnswerInvalid(self.url, text) from error

    def close(self) -> None:
        """Close the connection; the next poll opens another."""
        with self._lock:
            self._client.close()

    def __enter__(self) -> "Node":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        return "Node(%r)" % self.url

    def _failure(self, error: Exception) -> NodeError:
        """Return what it means that a request raised ``error``."""
        if isinstance(error, ssl.SSLError):
            return self._tls_failure(error)
        if isinstance(error, ResponseTooLong):
            return NodeAnswerInvalid(self.url, "the answer is too long")
        if isinstance(error, socket.timeout):
            text = "no answer within %g s" % self.timeout
            if str(error) not in ("", "timed out"):
                text += ": %s" % error
        elif isinstance(error, socket.gaierror):
            text = "the name can't be resolved: %s" % error.strerror
        elif isinstance(error, http.client.RemoteDisconnected):
            wanted = "a certificate of us" if self.url.startswith("https:") else "https"
            text = "it closed the connection without an answer; does it want %s?" % wanted
        elif isinstance(error, http.client.IncompleteRead):
            text = "the answer broke off"
        elif isinstance(error, OSError):
            text = error.strerror or str(error)
        else:
            text = "what answers there doesn't speak HTTP as a collector does"
            return NodeAnswerInvalid(self.url, text)
        return NodeUnreachable(self.url, text)

    def _tls_failure(self, error: ssl.SSLError) -> NodeError:
        reason = str(error.reason or error)
        if "CERTIFICATE_VERIFY_FAILED" in reason:
            why = getattr(error, "verify_message", "") or reason
            return NodeUnreachable(self.url, "its certificate is not to be trusted: %s" % why)
        if "CERTIFICATE_REQUIRED" in reason or "ALERT" in reason:
            return NodeRefused(self.url, "it wants another certificate of us (%s)" % reason)
        return NodeUnreachable(self.url, "no TLS with it (%s); is it http there?" % reason)

    def _refusal(self, response: Response) -> NodeError:
        said = response.body[:200].decode("utf-8", "replace").strip()
        if response.status == 503:
            return NodeNotReady(self.url, said or "not ready")
        if response.status in (401, 403):
            return NodeRefused(self.url, "the user name or the password is not right")
        text = "answered %d instead of 200; is it a collector, and is the path right?"
        return NodeAnswerInvalid(self.url, text % response.status)


def _authorization(username: Optional[str], password: Optional[str]) -> Dict[str, str]:
    if username is None and password is None:
        return {}
    if username is None or password is None:
        raise InvalidCredentials("username and password go together")
    if ":" in username:
        raise InvalidCredentials("a user name can't contain ':', as %r does" % username)
    pair = ("%s:%s" % (username, password)).encode("utf-8")
    return {"Authorization": "Basic " + b64encode(pair).decode("ascii")}


def _checked(token: str) -> str:
    """Return a token that a header can carry; raises InvalidCredentials, without telling it."""
    if not isinstance(token, str) or not token or not all("!" <= each <= "~" for each in token):
        raise InvalidCredentials("a token is printable ASCII without spaces, and not empty")
    return token


def _tls(
    ca_file: Optional[str], cert_file: Optional[str], key_file: Optional[str]
) -> ssl.SSLContext:
    if key_file and not cert_file:
        raise InvalidCredentials("key_file is of no use without cert_file")
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise InvalidCredentials("ca_file %s: %s" % (ca_file, error)) from error
    if cert_file:
        try:
            context.load_cert_chain(cert_file, key_file)
        except OSError as error:
            files = ", ".join(filter(None, (cert_file, key_file)))
            raise InvalidCredentials("cert_file and key_file (%s): %s" % (files, error)) from error
    return context
