"""A throw-away certificate for this machine, and the authority that vouches for it.

Needs ``cryptography``, which comes with ``azure-identity``.
"""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path
from typing import NamedTuple

_LIFETIME = datetime.timedelta(days=7)


class Certificates(NamedTuple):
    """PEM files.

    Attributes:
        authority: what clients have to trust, as in ``connection_verify``.
        server: the certificate and its key, for ``localhost`` and 127.0.0.1.
    """

    authority: Path
    server: tuple[Path, Path]


def make_certificates(folder: Path) -> Certificates:
    """Writes a new authority's certificate and a server's into a folder that exists.

    The authority's key is not kept, so nothing else can be signed with it. They last a week.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def builder(subject: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name("throw-away authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            # An hour back, for clocks differ.
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + _LIFETIME)
        )

    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = (
        builder("throw-away authority", authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        builder("localhost", key)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    files = Certificates(folder / "authority.pem", (folder / "server.pem", folder / "server.key"))
    files.authority.write_bytes(authority.public_bytes(pem))
    files.server[0].write_bytes(certificate.public_bytes(pem))
    files.server[1].write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    files.server[1].chmod(0o600)
    return files
