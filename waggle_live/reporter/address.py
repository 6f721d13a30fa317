"""Finds the collector: ``WAGGLE_LIVE_METRICS``, or the places where it usually listens."""

from typing import List, Mapping, NamedTuple, Optional

from ..logs import LogOnce
from ..native import Native
from ..wire.errors import InvalidAddress, InvalidType, describe
from ..wire.places import (
    DEFAULT_SOCKET_PATHS,
    MAX_SOCKET_PATH,
    USER_VARIABLES,
    fits,
    user_socket_paths,
)

ENVIRONMENT_VARIABLE = "WAGGLE_LIVE_METRICS"
#: The variable with the token for a TCP collector that requires one. It is sent over TCP only.
TOKEN_VARIABLE = "WAGGLE_LIVE_METRICS_TOKEN"
#: The longest token that the wire takes, in characters.
MAX_TOKEN_LENGTH = 1024
#: The collector's Service in the Waggle Edge Stack, for plugin pods without the socket.
SERVICE_HOST = "wes-live-metrics.default.svc.cluster.local"
SERVICE_PORT = 9091

_log_once = LogOnce()
_RULE = "%s must be unix:///path, tcp://host:port or off, got %.200r"


class Address(NamedTuple):
    """A collector's address: a unix socket's ``path``, or a ``host`` and ``port``."""

    path: str = ""
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        if self.path:
            return "unix://" + self.path
        return "tcp://%s:%d" % ("[%s]" % self.host if ":" in self.host else self.host, self.port)


def parse(text: str) -> Optional[Address]:
    """Return the address in ``text``, or None for ``off``.

    Raises InvalidAddress for any other text, InvalidType for what is no str.
    """
    if not isinstance(text, str):
        raise InvalidType("the address must be a str like unix:///path, got " + describe(text))
    if text == "off":
        return None
    if text.startswith("unix://"):
        path = text[len("unix://") :]
        if path.startswith("/") and fits(path):
            return Address(path=path)
        raise InvalidAddress(
            _RULE % (ENVIRONMENT_VARIABLE, text)
            + ": the path must be absolute and at most %d bytes (the kernel's limit)"
            % MAX_SOCKET_PATH
        )
    if text.startswith("tcp://"):
        host, colon, port = text[len("tcp://") :].rpartition(":")
        host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        if host and colon and port.isdecimal() and 0 < int(port) < 65536 and "/" not in host:
            return Address(host=host, port=int(port))
    raise InvalidAddress(_RULE % (ENVIRONMENT_VARIABLE, text))


def find_token(environ: Mapping[str, str]) -> str:
    """Return the token for a TCP collector that requires one; "" if none is set."""
    # A token that is too long or no valid UTF-8 can't travel. The collector refuses what is sent.
    token = environ.get(TOKEN_VARIABLE, "").strip()[:MAX_TOKEN_LENGTH]
    return token.encode("utf-8", "replace").decode()


class Addresses:
    """Resolves the collector's address, anew at each call, since sockets come and go.

    If ``explicit`` is given, only it counts, else the environment variable, read once. Raises
    InvalidAddress or InvalidType for a bad ``explicit``, which is the author's. A bad variable is
    the operator's and harms no plugin: it is logged once and counts as ``off``.
    """

    def __init__(self, explicit: Optional[str], environ: Mapping[str, str]) -> None:
        text = environ.get(ENVIRONMENT_VARIABLE, "") if explicit is None else explicit
        #: Equal for equal addresses, before they are resolved.
        self.text = text
        try:
            self._fixed = None if isinstance(text, str) and not text else parse(text)
        except InvalidAddress as error:
            if explicit is not None:
                raise
            _log_once("address", "nothing is sent: %s", error)
            self._fixed = None
        self.is_off = text != "" and self._fixed is None
        self._in_stack = bool(environ.get("WAGGLE_APP_ID"))
        # Not all of it: this is pickled with what is copied to another process.
        self._environ = {name: environ[name] for name in USER_VARIABLES if name in environ}

    def candidates(self) -> List[Address]:
        """Return the addresses to try now, in order. Empty only if switched off."""
        if self.is_off:
            return []
        if self._fixed is not None:
            return [self._fixed]
        uid = Native.geteuid()
        paths = [path for path in DEFAULT_SOCKET_PATHS if Native.exists(path)]
        paths += [p for p in user_socket_paths(self._environ, uid) if _belongs(p, uid)]
        found = [Address(path=path) for path in paths]
        if not found and self._in_stack:
            return [Address(host=SERVICE_HOST, port=SERVICE_PORT)]
        return found or [Address(path=DEFAULT_SOCKET_PATHS[0])]


def _belongs(path: str, uid: int) -> bool:
    """Tell whether user ``uid`` owns what is at ``path``."""
    try:
        return bool(Native.stat(path).st_uid == uid)
    except OSError:
        return False
