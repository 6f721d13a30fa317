"""Credentials for a collector: user, token and certificate."""

import ssl
from base64 import b64encode
from typing import Dict, Optional

from ..errors import InvalidCredentials


def authorization(username: Optional[str], password: Optional[str]) -> Dict[str, str]:
    """Return the header of basic auth; none without both values. Raises InvalidCredentials."""
    if username is None and password is None:
        return {}
    if username is None or password is None:
        raise InvalidCredentials("username and password go together")
    if not isinstance(username, str) or not isinstance(password, str):
        raise InvalidCredentials("username and password are text")
    if ":" in username:
        raise InvalidCredentials("a user name can't contain ':', as %r does" % username)
    pair = ("%s:%s" % (username, password)).encode("utf-8")
    return {"Authorization": "Basic " + b64encode(pair).decode("ascii")}


def checked_token(token: str) -> str:
    """Return a token that a header can carry. Raises InvalidCredentials, without repeating it."""
    if not isinstance(token, str) or not token or not all("!" <= each <= "~" for each in token):
        raise InvalidCredentials("a token is printable ASCII without spaces, and not empty")
    return token


def tls_context(
    ca_file: Optional[str], cert_file: Optional[str], key_file: Optional[str]
) -> ssl.SSLContext:
    """Return the TLS context with the collector's CA and our certificate.

    Raises InvalidCredentials.
    """
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
