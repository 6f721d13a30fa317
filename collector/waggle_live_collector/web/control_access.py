"""Who may control plugins: a client with the token of ``--control.token-file``."""

from __future__ import annotations

import logging
import socket
from ipaddress import ip_address

from aiohttp import hdrs, web

from ..control.orders import OrderError
from ..identity.token import TokenFile
from ..sockets.tcp import join
from .config import WebConfig
from .listener import DEFAULT_MAX_BODY, DEFAULT_MAX_REQUEST_BYTES, connection_of

log = logging.getLogger(__name__)

#: A separate header can be used beside basic auth, and a page of another origin can't send it.
TOKEN_HEADER = "Waggle-Control-Token"
#: Domains that can't be registered in the public DNS.
_PRIVATE = ("localhost", "local", "internal", "svc", "home.arpa", "lan", "test")

OFF_TEXT = (
    "plugins can't be controlled here: the collector was started without --control.token-file"
)
TOKEN_TEXT = f"show the token of --control.token-file in the header {TOKEN_HEADER}"


class ControlAccess:
    """Checks the token of requests. ``path``: its file; None if nobody may control plugins."""

    def __init__(self, path: str | None) -> None:
        """Read the file. Raises TokenError."""
        self._token = None if path is None else TokenFile(path, "control plugins")
        self.is_on = self._token is not None
        #: The most bytes of a request. With control on, it may have a body.
        self.max_request = DEFAULT_MAX_REQUEST_BYTES + (DEFAULT_MAX_BODY if self.is_on else 0)
        self._own_names = {socket.gethostname().lower()}

    def check(self, request: web.Request) -> None:
        """Raise OrderError unless the request may control plugins."""
        if self._token is None:
            raise OrderError("off", 403, OFF_TEXT)
        # With TLS the certificate has proven the name. `request.host` would ask the DNS if there is
        # no header.
        host = request.headers.get(hdrs.HOST, "")
        if connection_of(request).config.tls is None and not self._is_known(host):
            text = f"the Host header is {host[:100]!r}, which a foreign page could use "
            text += "(DNS rebinding); use the address, or a name without a dot"
            raise OrderError("host", 403, text)
        if not self._token.admits(request.headers.get(TOKEN_HEADER)):
            raise OrderError("unauthorized", 401, TOKEN_TEXT)

    def _is_known(self, host: str) -> bool:
        """Tell whether a host is an address, or a name that no page of a stranger can have."""
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        name = name.strip("[]").lower().rstrip(".")
        try:
            ip_address(name.partition("%")[0])
        except ValueError:
            is_private = any(name == each or name.endswith("." + each) for each in _PRIVATE)
            return bool(name) and ("." not in name or is_private or name in self._own_names)
        return True

    def warn_of(self, sock: socket.socket, config: WebConfig | None) -> None:
        """Log a warning if the token goes over a network unencrypted."""
        host, port = sock.getsockname()[:2]
        has_tls = config is None or config.tls is not None
        if self.is_on and not has_tls and not ip_address(host.partition("%")[0]).is_loopback:
            log.warning(
                "--control.token-file without TLS on %s: anybody on that network can read the "
                "token, and then control plugins; --web.config.file sets up TLS",
                join(host, port),
            )
