"""The address of a node: ``http://host:9090``, or short ``host`` and ``host:port``."""

import contextlib
import re
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple, Optional
from urllib.parse import urlsplit

from ..errors import InvalidAddress

#: The collector's port, which an address without ``http://`` may leave out.
DEFAULT_PORT = 9090
_PORTS = {"http": 80, "https": 443}
_RULE = "a node is http://host:port, https://host:port/path or, in short, host:port"
_MAX_NAME = 253
_NETLOC = re.compile(r"(\[[^]]*:[^]]*\]|[^:[]*)(:[0-9]+)?")
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,63}")


class Address(NamedTuple):
    """Where a collector answers."""

    #: The whole URL, without a slash at its end.
    url: str
    #: A name or an IP address; an IPv6 address may have a zone (``fe80::1%eth0``).
    host: str
    port: int
    #: The path before ``/api/v1/``; empty without a proxy.
    prefix: str
    is_tls: bool

    @property
    def name(self) -> str:
        """The host without a zone, which is meaningful only on this machine."""
        return self.host.partition("%")[0]

    @property
    def authority(self) -> str:
        """The value of the header Host."""
        name = "[%s]" % self.name if ":" in self.name else self.name
        return (
            name if self.port == _PORTS[self.url.partition(":")[0]] else "%s:%d" % (name, self.port)
        )


def parse(text: str) -> Address:
    """Return the address. Raises InvalidAddress, which says what would be right.

    Without ``http://`` or ``https://`` it is http, with 9090 as default port. The zone of an IPv6
    address follows ``%25``, as in a URL, or ``%``.
    """
    if not isinstance(text, str):
        raise InvalidAddress("%s, as text, not %r" % (_RULE, text))
    if "@" in text:
        # Addresses get into logs and onto screens: don't repeat this one.
        raise InvalidAddress("give username= and password= as arguments, not in the address")
    is_short = "://" not in text
    if not all("!" <= each <= "~" for each in text) or "?" in text or "#" in text:
        raise _invalid(text)
    try:
        parts = urlsplit("http://" + text if is_short else text)
        port = parts.port
    except ValueError:
        raise _invalid(text) from None
    if parts.scheme not in _PORTS or "//" in parts.path.rstrip("/"):
        raise _invalid(text)
    host = _host(parts.hostname or "")
    if host is None or port == 0 or not _NETLOC.fullmatch(parts.netloc):
        raise _invalid(text)
    url = parts.geturl().rstrip("/")
    if port is None:
        port = _PORTS[parts.scheme]
        if is_short:
            port = DEFAULT_PORT
            url = "http://%s:%d%s" % (parts.netloc, port, parts.path.rstrip("/"))
    return Address(url, host, port, parts.path.rstrip("/"), parts.scheme == "https")


def _host(text: str) -> Optional[str]:
    """Return the host as the system's resolver takes it; None if it is invalid."""
    if ":" in text:
        address, percent, zone = text.partition("%")
        if zone.startswith("25"):
            zone = zone[2:]
        try:
            IPv6Address(address)
        except AddressValueError:
            return None
        return None if percent and not zone else address + percent + zone
    labels = text[:-1].split(".") if text.endswith(".") else text.split(".")
    is_name = len(text) <= _MAX_NAME and all(map(_LABEL.fullmatch, labels))
    # A number alone lacks its host: the system would take it for an IPv4 address.
    return text if is_name and not text.isdigit() else None


def _invalid(text: str) -> InvalidAddress:
    """Return the error for an address, with the address that was probably meant."""
    meant, bare = "", text.rpartition("://")[2].rstrip("/")
    if bare.count(":") > 1:
        with contextlib.suppress(AddressValueError):
            meant = "[%s]:%d" % (IPv6Address(bare), DEFAULT_PORT)
    elif bare.lstrip(":").isdigit():
        meant = "localhost:" + bare.lstrip(":")
    hint = "; is it %s?" % meant if meant else ""
    return InvalidAddress("%s, not %r%s" % (_RULE, text, hint))
