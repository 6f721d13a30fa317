"""Certificates for tests, made anew each time: an authority, and what it signs."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_PEM = serialization.Encoding.PEM


class Authority:
    """Signs certificates; its own is ``NAME.crt`` in the directory, theirs beside it."""

    def __init__(self, directory, name="ca"):
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = _builder(self._name, self._name, self._key)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        builder = builder.add_extension(usage, True)
        self.path = directory / f"{name}.crt"
        self.path.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(_PEM))

    def server(self, name="server"):
        """Make NAME.crt and NAME.key for 127.0.0.1; return their paths."""
        names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
        return self._sign(name, names, ExtendedKeyUsageOID.SERVER_AUTH)

    def client(self, name="client", dns="scraper.example"):
        """Make NAME.crt and NAME.key of a client; return their paths."""
        return self._sign(name, [x509.DNSName(dns)], ExtendedKeyUsageOID.CLIENT_AUTH)

    def _sign(self, name, names, usage):
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(name), self._name, key)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), False)
        certificate = builder.sign(self._key, hashes.SHA256())
        paths = self._directory / f"{name}.crt", self._directory / f"{name}.key"
        paths[0].write_bytes(certificate.public_bytes(_PEM))
        paths[1].write_bytes(private(key))
        return paths


def private(key, password=None):
    """Return a private key as PEM, encrypted if there is a password."""
    how = serialization.NoEncryption()
    if password is not None:
        how = serialization.BestAvailableEncryption(password)
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, how)


def _name(common):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(subject, issuer, key):
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
    )
