"""Where the collector is: ``WAGGLE_LIVE_METRICS``, or the places where it usually stands."""

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
#: What a collector that is reached over TCP may ask for; it is sent to no other.
TOKEN_VARIABLE = "WAGGLE_LIVE_METRICS_TOKEN"
#: Longest token that the wire takes, in characters.
MAX_TOKEN_LENGTH = 1024
#: The collector's Service in the Waggle Edge Stack, for plugin pods without the socket.
SERVICE_HOST = "wes-live-metrics.default.svc.cluster.local"
SERVICE_PORT = 9091

_log_once = LogOnce()
_RULE = "%s must be unix:///path, tcp://host:port or off, got %.200r"


class Address(NamedTuple):
    """A collector: a unix socket's ``path``, or a ``host`` and ``port``."""

    path: str = ""
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        if self.path:
            return "unix://" + self.path
        return "tcp://%s:%d" % ("[%s]" % self.host if ":" in self.host else self.host, self.port)


def parse(text: str) -> Optional[Address]:
    """Return the address that ``text`` stands for, None for ``off``; raise InvalidAddress."""
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
    """Return what a collector that is reached over TCP may ask for, "" where nothing is set."""
    # What is too long or no valid UTF-8 can't travel: it is refused as the wrong one.
    token = environ.get(TOKEN_VARIABLE, "").strip()[:MAX_TOKEN_LENGTH]
    return token.encode("utf-8", "replace").decode()


class Addresses:
    """Resolves the collector's address, anew at each call, since sockets come and go.

    ``explicit`` (else the environment variable, read once) decides alone where it is given. It
    raises InvalidAddress or InvalidType for a bad one, which its author gave; an operator's bad
    variable harms no plugin: it is logged once and stands for ``off``.
    """

    def __init__(self, explicit: Optional[str], environ: Mapping[str, str]) -> None:
        text = environ.get(ENVIRONMENT_VARIABLE, "") if explicit is None else explicit
        #: Tells the same address from another, before it is resolved.
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
        """Return the addresses to try now, in order; empty only when switched off."""
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
    """Return whether there is something at ``path`` that user ``uid`` has made."""
    try:
        return bool(Native.stat(path).st_uid == uid)
    except OSError:
        return False
