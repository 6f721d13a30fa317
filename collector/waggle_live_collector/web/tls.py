"""TLS of HTTP: makes an ``ssl.SSLContext`` from ``tls_server_config``.

A setting that Python's ``ssl`` can't follow as Go does is refused, so that nobody relies on a
protection that doesn't exist.
"""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from .. import regular_file

if TYPE_CHECKING:
    from .yaml_section import Value

KEYS = (
    "cert_file",
    "key_file",
    "cert",
    "key",
    "client_auth_type",
    "client_ca_file",
    "client_ca",
    "min_version",
)
VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
#: Go also has modes that don't verify certificates. These protect nothing, and are refused.
CLIENT_AUTH = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


class Tls(NamedTuple):
    """A context for new connections, and the files that it was made from."""

    context: ssl.SSLContext
    files: tuple[str, ...]


class _Pem(NamedTuple):
    """The text of certificates or a key, where it came from, and its path; "" if inline."""

    value: Value
    path: str
    text: bytes


def read_tls(value: Value) -> Tls:
    """Return the TLS of the section ``tls_server_config``. Raises WebConfigError.

    Relative paths start at the directory of the file.
    """
    section = value.section(*KEYS)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    version = section.get("min_version")
    context.minimum_version = VERSIONS["TLS12" if version is None else version.one_of(*VERSIONS)]
    cert = _pem(section, "cert", "CERTIFICATE-----")
    key = _pem(section, "key", "PRIVATE KEY-----")
    if cert is None or key is None:
        missing = "cert_file" if cert is None else "key_file"
        raise value.error(f"{missing} is missing; TLS needs cert_file and key_file")
    _load_certificate(context, cert, key)
    authority = _pem(section, "client_ca", "CERTIFICATE-----")
    _ask_clients(context, section.get("client_auth_type"), authority)
    return Tls(context, tuple(pem.path for pem in (cert, key, authority) if pem and pem.path))


def _load_certificate(context: ssl.SSLContext, cert: _Pem, key: _Pem) -> None:
    def encrypted() -> str:
        raise key.value.error("is encrypted; give one without a passphrase")

    # Memory files, so that what was checked is what is loaded. They serve inline PEM too.
    with _memory_file(cert.text) as cert_path, _memory_file(key.text) as key_path:
        try:
            context.load_cert_chain(cert_path, key_path, password=encrypted)
        except OSError as error:  # ssl.SSLError, mostly
            if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
                raise key.value.error("does not belong to the certificate") from error
            raise cert.value.error(f"the certificate or its key is refused: {error}") from error


def _ask_clients(context: ssl.SSLContext, auth: Value | None, authority: _Pem | None) -> None:
    """Set whether clients need a certificate, and which authority must have signed it."""
    mode = ssl.CERT_NONE if auth is None else CLIENT_AUTH[auth.one_of(*CLIENT_AUTH)]
    if authority is None:
        if auth is not None and mode != ssl.CERT_NONE:
            raise auth.error("needs client_ca_file, the authority that signs the certificates")
        return
    if mode == ssl.CERT_NONE:
        raise authority.value.error(
            "is of no use without client_auth_type: RequireAndVerifyClientCert "
            "(or VerifyClientCertIfGiven)"
        )
    try:
        # From a file, since comments between certificates may have any bytes.
        with _memory_file(authority.text) as path:
            context.load_verify_locations(path)
    except OSError as error:
        raise authority.value.error(f"has no certificate that can be read: {error}") from error
    context.verify_mode = mode


def _pem(section: dict[str, Value], key: str, mark: str) -> _Pem | None:
    """Return the text in ``key``, or in the file that ``key_file`` names; None without both."""
    inline, named = section.get(key), section.get(f"{key}_file")
    if inline is not None and named is not None:
        raise inline.error(f"give {key} or {key}_file, not both")
    if inline is not None:
        pem = _Pem(inline, "", inline.string().encode())
    elif named is not None:
        name = named.string("must be the path of a PEM file")
        path = os.path.join(os.path.dirname(os.path.abspath(named.path)), name)
        try:
            pem = _Pem(named, path, regular_file.read(path))
        except OSError as error:
            raise named.error(f"can't read {path}: {error.strerror or error}") from error
    else:
        return None
    if mark.encode() not in pem.text:
        raise pem.value.error(f"must be PEM text with a line that ends with {mark}")
    return pem


@contextlib.contextmanager
def _memory_file(data: bytes) -> Iterator[str]:
    """Yield the path of a file that exists only in memory, for functions that take paths."""
    with open(os.memfd_create("pem"), "wb") as file:
        file.write(data)
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}"
