"""``--web.config.file``: TLS, users and headers, in the format of Prometheus' exporter-toolkit.

With this flag the port is never less protected than at the start:

- At the start a file with a fault ends the collector before the port is open.
- Before each handshake and request the collector checks whether the file, or one that it names, has
  changed. If the new file has a fault, or lacks the TLS or users of the start, all requests are
  refused until it is fixed. The old file could admit those whom the change was to keep out.
- A fault is logged once, and so is its end.
"""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..clock import Clock
from .errors import WebConfigError
from .tls import Tls, read_tls

if TYPE_CHECKING:
    from .yaml_section import Value

log = logging.getLogger(__name__)

#: The largest cost of a bcrypt hash. Each step doubles the time of a check: about 0.1 s at 10, over
#: a second at 14.
DEFAULT_MAX_BCRYPT_COST = 15
#: Seconds until a file with a fault is read again although it hasn't changed.
RETRY_SECONDS = 1.0
#: The headers that may be set, and the values that each may have; None for any.
HEADERS: dict[str, tuple[str, ...] | None] = {
    "Content-Security-Policy": None,
    "Strict-Transport-Security": None,
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": None,
}

_BCRYPT = re.compile(r"\$2[abxy]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}")
_BCRYPT_RULE = "must be a bcrypt hash like $2y$10$... (`htpasswd -nBC 10 USER` makes one)"


@dataclass(frozen=True, kw_only=True)
class WebConfig:
    """What the file says, checked."""

    tls: Tls | None = None
    #: Bcrypt hashes by user name. Without users no password is asked for.
    users: dict[str, bytes]
    headers: dict[str, str]

    @property
    def is_open(self) -> bool:
        """Whether it has neither TLS nor users."""
        return self.tls is None and not self.users


#: The configuration without ``--web.config.file``: no TLS, no users.
OPEN = WebConfig(users={}, headers={})


def load(path: str) -> WebConfig:
    """Return the configuration in the file. Raises WebConfigError."""
    from .yaml_section import read  # PyYAML is needed only with the flag

    keys = ("tls_server_config", "http_server_config", "basic_auth_users")
    tls, http, users = map(read(path).section(*keys).get, keys)
    return WebConfig(
        tls=None if tls is None else read_tls(tls),
        users={} if users is None else _users(users),
        headers={} if http is None else _headers(http),
    )


def _users(value: Value) -> dict[str, bytes]:
    users = {}
    for name, secret in value.section().items():
        if ":" in name:
            raise secret.error("a user name can't contain ':'")
        text = secret.string(_BCRYPT_RULE)
        form = _BCRYPT.fullmatch(text)
        if form is None:
            raise secret.error(_BCRYPT_RULE)
        if int(form[1]) > DEFAULT_MAX_BCRYPT_COST:
            raise secret.error(
                f"a bcrypt cost of {form[1]} takes longer than a scrape may; "
                f"at most {DEFAULT_MAX_BCRYPT_COST} is taken, 10 is usual"
            )
        users[name] = text.encode()
    return users


def _headers(value: Value) -> dict[str, str]:
    found = {}
    for headers in value.section("headers").values():
        for name, field in headers.section(*HEADERS).items():
            allowed = HEADERS[name]
            text = field.string() if allowed is None else field.one_of(*allowed)
            if not text.isprintable():
                raise field.error("must be one line of printable text")
            found[name] = text
    return found


class WebConfigFile:
    """The file at ``path``. It is read again if it, or a file that it names, has changed."""

    def __init__(self, path: str, *, clock: Clock) -> None:
        """Read the file. Raises WebConfigError."""
        self._path = path
        self._clock = clock
        self._files: tuple[str, ...] = ()
        self._seen: tuple[tuple[int, ...], ...] = ()
        self._retry_at = 0.0
        self._fault = ""
        self._config: WebConfig | None = None
        self._config = config = self._load()
        self._had_tls = config.tls is not None
        self._had_users = bool(config.users)
        if config.is_open:
            log.warning(
                "%s has neither tls_server_config nor basic_auth_users: anybody may read", path
            )

    def current(self) -> WebConfig | None:
        """Return the configuration in force; None if everybody is refused."""
        # A fault may end without a change of the file, such as when a key file becomes readable.
        retry = self._config is None and self._clock.monotonic() >= self._retry_at
        if retry or self._signature(self._files) != self._seen:
            self._reload()
        return self._config

    def _reload(self) -> None:
        try:
            config = self._load()
            if self._had_tls != (config.tls is not None):
                raise self._lasting("TLS can't be switched on or off")
            if self._had_users and not config.users:
                raise self._lasting("the users can't all be taken out")
        except Exception as error:  # any error refuses everybody, so nobody is let in by mistake
            self._config = None
            self._retry_at = self._clock.monotonic() + RETRY_SECONDS
            if str(error) != self._fault:
                text, ours = f"{self._path}: {error}", not isinstance(error, WebConfigError)
                text = text if ours else str(error)
                log.error("%s; everybody is refused until it is fixed", text, exc_info=ours)
            self._fault = str(error)
            return
        log.info("%s %s", self._path, "is valid again" if self._fault else "is reloaded")
        self._config, self._fault = config, ""

    def _lasting(self, text: str) -> WebConfigError:
        return WebConfigError(f"{self._path}: {text} while the collector runs; restart it for that")

    def _load(self) -> WebConfig:
        """Read the file. ``_seen`` has how all files were before that, so no change is missed."""
        while True:
            files = self._files
            self._seen = self._signature(files)
            config = load(self._path)
            self._files = config.tls.files if config.tls is not None else ()
            if self._files == files:
                return config

    def _signature(self, files: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
        return tuple(_stat(path) for path in (self._path, *files))


def _stat(path: str) -> tuple[int, ...]:
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # a NUL in a path
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
