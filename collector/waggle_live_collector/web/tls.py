"""TLS of the HTTP side: what ``tls_server_config`` says, made a context of Python's ``ssl``.

The format is that of Go's TLS. What OpenSSL through Python can't do exactly is refused, so that
nobody believes in a protection that isn't there.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from dataclasses import dataclass
from typing import Any

from .tls_names import CIPHERS, CIPHERS_13, CLIENT_AUTH, CURVES, OLD_VERSIONS, UNVERIFIED, VERSIONS
from .yaml_section import Section, Value

KEYS = (
    "cert_file",
    "key_file",
    "cert",
    "key",
    "client_auth_type",
    "client_ca_file",
    "client_ca",
    "client_allowed_sans",
    "min_version",
    "max_version",
    "cipher_suites",
    "prefer_server_cipher_suites",
    "curve_preferences",
)


@dataclass(frozen=True, kw_only=True)
class Tls:
    """A context for new connections, and what is checked once one has shaken hands."""

    context: ssl.SSLContext
    allowed_sans: frozenset[str] | None
    #: Files that it was made from.
    files: tuple[str, ...]

    def admits(self, certificate: dict[str, Any] | None) -> bool:
        """Tell whether the client with that verified certificate may come in."""
        if self.allowed_sans is None:
            return True
        names = (certificate or {}).get("subjectAltName", ())
        return any(_san(kind, name) in self.allowed_sans for kind, name in names)


class TlsSection:
    """Reads ``tls_server_config``; relative paths begin where the file is."""

    def __init__(self, value: Value) -> None:
        self._value = value
        self._section = value.section()
        self._section.known(*KEYS)
        self._directory = os.path.dirname(os.path.abspath(value.path))
        self._files: list[str] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.set_alpn_protocols(["http/1.1"])

    def tls(self) -> Tls:
        """Return the TLS that the section describes; raises WebConfigError."""
        self._versions()
        self._load_certificate()
        self._clients()
        self._ciphers()
        sans = self._section.get("client_allowed_sans")
        allowed = None
        if sans is not None:
            if self._context.verify_mode != ssl.CERT_REQUIRED:
                raise sans.error("needs client_auth_type: RequireAndVerifyClientCert")
            allowed = frozenset(_address(item.string()) for item in sans.items())
        return Tls(context=self._context, allowed_sans=allowed, files=tuple(self._files))

    def _versions(self) -> None:
        context = self._context
        context.minimum_version = self._version("min_version", "TLS12")
        context.maximum_version = self._version("max_version", "TLS13")
        if context.minimum_version > context.maximum_version:
            raise _given(self._section, "min_version", "max_version").error(
                "min_version must not be above max_version"
            )

    def _version(self, key: str, default: str) -> ssl.TLSVersion:
        value = self._section.get(key)
        if value is None:
            return VERSIONS[default]
        text = value.one_of(*VERSIONS, *OLD_VERSIONS)
        if text in OLD_VERSIONS:
            raise value.error(f"{text} is broken and not served; use TLS12 or TLS13")
        return VERSIONS[text]

    def _load_certificate(self) -> None:
        cert, cert_pem = self._pem("cert", "CERTIFICATE-----")
        key, key_pem = self._pem("key", "PRIVATE KEY-----")
        if cert is None or key is None:
            missing = "cert_file" if cert is None else "key_file"
            raise self._value.error(f"{missing} is missing; TLS needs cert_file and key_file")
        # Through memory files: what was read and judged is what is loaded, also of inline PEM.
        with _MemoryFile(cert_pem) as cert_path, _MemoryFile(key_pem) as key_path:
            try:
                self._context.load_cert_chain(cert_path, key_path, password=_no_password)
            except ssl.SSLError as error:
                if error.reason == "KEY_VALUES_MISMATCH":
                    raise key.error("does not belong to the certificate") from error
                raise cert.error(f"the certificate or its key is refused: {error}") from error
            except _EncryptedKeyError as error:
                raise key.error("is encrypted; give one without a passphrase") from error

    def _clients(self) -> None:
        auth = self._section.get("client_auth_type")
        mode = ssl.CERT_NONE
        if auth is not None:
            kind = auth.one_of(*CLIENT_AUTH, *UNVERIFIED)
            if kind in UNVERIFIED:
                raise auth.error(
                    f"{kind} takes certificates without verifying them, which protects nothing "
                    "and can't be done here; use RequireAndVerifyClientCert or NoClientCert"
                )
            mode = CLIENT_AUTH[kind]
        authority, pem = self._pem("client_ca", "CERTIFICATE-----")
        if mode == ssl.CERT_NONE:
            if authority is not None:
                raise authority.error(
                    "is of no use without client_auth_type: RequireAndVerifyClientCert "
                    "(or VerifyClientCertIfGiven)"
                )
            return
        if authority is None:
            assert auth is not None
            raise auth.error("needs client_ca_file: whose certificates are to be taken")
        try:
            self._context.load_verify_locations(cadata=pem.decode("ascii", "replace"))
        except (ssl.SSLError, ValueError) as error:
            raise authority.error(f"has no certificate that can be read: {error}") from error
        self._context.verify_mode = mode

    def _ciphers(self) -> None:
        section, context = self._section, self._context
        suites = section.get("cipher_suites")
        if suites is not None:
            names = [item.one_of(*CIPHERS, *CIPHERS_13) for item in suites.items()]
            chosen = [CIPHERS[name] for name in names if name in CIPHERS]
            if chosen:
                context.set_ciphers(":".join(chosen))
            elif context.minimum_version < VERSIONS["TLS13"]:
                raise suites.error("has none for TLS 1.2; add one, or set min_version: TLS13")
        prefer = section.get("prefer_server_cipher_suites")
        if prefer is not None and not prefer.boolean():
            context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
        else:
            context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
        curves = section.get("curve_preferences")
        if curves is not None:
            wanted = [item.one_of(*CURVES) for item in curves.items()]
            if len(wanted) > 1:
                raise curves.error("only one curve can be set here; list one, or leave it out")
            context.set_ecdh_curve(CURVES[wanted[0]])

    def _pem(self, key: str, mark: str) -> tuple[Value | None, bytes]:
        """Return the value of ``key`` or ``key_file`` and the PEM text that it stands for."""
        inline, named = self._section.get(key), self._section.get(f"{key}_file")
        if inline is not None and named is not None:
            raise inline.error(f"give {key} or {key}_file, not both")
        value = inline or named
        if value is None:
            return None, b""
        if named is None:
            pem = value.string().encode()
        else:
            path = os.path.join(self._directory, named.string("must be the path of a PEM file"))
            self._files.append(path)
            try:
                with open(path, "rb") as file:
                    pem = file.read()
            except OSError as error:
                raise named.error(f"can't read {path}: {error.strerror or error}") from error
        if mark.encode() not in pem:
            raise value.error(f"must be PEM text with a line that ends with {mark}")
        return value, pem


class _EncryptedKeyError(Exception):
    pass


def _no_password() -> str:
    raise _EncryptedKeyError


class _MemoryFile:
    """A file in memory alone, for a library that takes nothing but paths."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __enter__(self) -> str:
        self._descriptor = os.memfd_create("pem")
        with open(self._descriptor, "wb", closefd=False) as file:
            file.write(self._data)
        return f"/proc/self/fd/{self._descriptor}"

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def _given(section: Section, *keys: str) -> Value:
    """Return the first of the values that is there."""
    return next(value for key in keys if (value := section.get(key)) is not None)


def _san(kind: str, name: str) -> str:
    return _address(name) if kind == "IP Address" else name


def _address(text: str) -> str:
    """Return an IP address in its usual form, anything else as it is."""
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return text
