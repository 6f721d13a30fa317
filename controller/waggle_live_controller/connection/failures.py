"""Turns failed requests, and answers other than 200, into errors of a node."""

import http.client
import socket
import ssl
from typing import Mapping

from ..errors import NodeAnswerInvalid, NodeError, NodeNotReady, NodeRefused, NodeUnreachable
from .late import Late

#: The collector's name in the header Server.
COLLECTOR = "waggle-live-collector"
_PROXYS = (502, 504)
#: The most characters of an answer that an error repeats.
_SAID = 200


def of_exception(url: str, timeout: float, error: Exception) -> NodeError:
    """Return the NodeError for ``error``, raised by a request that had ``timeout`` seconds."""
    if isinstance(error, ssl.SSLError):
        return _of_tls(url, error)
    if isinstance(error, socket.timeout):
        text = "no answer within %g s" % timeout
        if isinstance(error, Late):
            text += ": %s" % error
    elif isinstance(error, socket.gaierror):
        text = "the name can't be resolved: %s" % error.strerror
    elif isinstance(error, http.client.RemoteDisconnected):
        wanted = "a certificate of us" if url.startswith("https:") else "https"
        text = "it closed the connection without an answer; does it want %s?" % wanted
    elif isinstance(error, http.client.IncompleteRead):
        text = "the answer broke off"
    elif isinstance(error, OSError):
        text = error.strerror or str(error)
    else:
        text = "what answers there doesn't speak HTTP as a collector does"
        return NodeAnswerInvalid(url, text)
    return NodeUnreachable(url, text)


def of_answer(url: str, status: int, headers: Mapping[str, str], body: bytes) -> NodeError:
    """Return the NodeError for an answer other than 200. ``headers``: by lower-case names."""
    said = body.decode("utf-8", "replace").strip()[:_SAID]
    if said.startswith("<"):  # a page for people
        said = ""
    if status in _PROXYS or (status == 503 and _is_of_proxy(headers, body)):
        text = "the proxy in front of it answers %d" % status
        kind = NodeNotReady if status == 503 else NodeUnreachable
        return kind(url, "%s: %s" % (text, said) if said else text)
    if status == 503:
        return NodeNotReady(url, said or "not ready")
    if status in (401, 403):
        return NodeRefused(url, "the user name or the password is not right")
    if 300 <= status < 400 and "location" in headers:
        text = "it answered %d, a redirect to %.200s, which is not followed"
        return NodeAnswerInvalid(url, text % (status, headers["location"]))
    if status == 500 and headers.get("server") == COLLECTOR:
        return NodeNotReady(url, "the collector has a fault: %s" % said)
    text = "answered %d instead of 200; is it a collector, and is the path right?"
    return NodeAnswerInvalid(url, text % status)


def _is_of_proxy(headers: Mapping[str, str], body: bytes) -> bool:
    """Tell whether a 503 is from a proxy. A collector gives its name, and the reason as a line."""
    if headers.get("server") == COLLECTOR:
        return False
    is_bare = body.strip().lower() == b"service unavailable"
    is_page = body.lstrip().startswith(b"<") or "html" in headers.get("content-type", "")
    return is_bare or is_page or "server" in headers


def _of_tls(url: str, error: ssl.SSLError) -> NodeError:
    reason = str(error.reason or error)
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        why = getattr(error, "verify_message", "") or reason
        return NodeUnreachable(url, "its certificate is not to be trusted: %s" % why)
    if "CERTIFICATE_REQUIRED" in reason or "ALERT" in reason:
        return NodeRefused(url, "it wants another certificate of us (%s)" % reason)
    return NodeUnreachable(url, "no TLS with it (%s); is it http there?" % reason)
