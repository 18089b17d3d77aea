"""What the gateway proves itself with: a certificate for SMTP and a host key for SFTP, made once and kept."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncssh
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from filelock import FileLock

from arrears.local import write_private

NAMES = ("localhost", "gateway")
"""Names under which the gateway is reached: on this machine, and in the compose file's network."""
_VALID = timedelta(days=825)
_RENEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True)
class Identity:
    """Files below the gateway's home, for this user only; the certificate and the public key are for everybody."""

    certificate: Path
    """PEM, signed by itself: who trusts it, trusts this gateway alone."""
    server: Path
    """The certificate and its private key, in one file so that they are always of one kind."""
    host_key: Path
    """SSH's private key, in OpenSSH's format."""

    @property
    def certificate_text(self) -> str:
        """The certificate in PEM."""
        return self.certificate.read_text(encoding="ascii")

    @property
    def public_host_key(self) -> str:
        """SSH's public key, `ssh-ed25519 AAAA…`."""
        key = asyncssh.read_private_key(str(self.host_key))
        kind, text = key.export_public_key().decode().split()[:2]
        return f"{kind} {text}"


def gateway_identity(home: Path) -> Identity:
    """The identity of the gateway that lives in `home`: that of last time, made anew when there is none.

    Whoever configures a channel may ask for it before the gateway has ever run.
    """
    folder = home / "identity"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    identity = Identity(folder / "certificate.pem", folder / "server.pem", folder / "host_key")
    with FileLock(folder / ".lock", mode=0o600):
        if not identity.certificate.exists() or _ends_soon(identity.certificate):
            _make_certificate(identity)
        if not identity.host_key.exists():
            write_private(identity.host_key, asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode())
    return identity


def _ends_soon(path: Path) -> bool:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return certificate.not_valid_after_utc < datetime.now(UTC) + _RENEW_BEFORE


def _make_certificate(identity: Identity) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox gateway")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # a clock that is a little behind must not refuse it
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _VALID)
        .add_extension(
            x509.SubjectAlternativeName([*map(x509.DNSName, NAMES), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    public = certificate.public_bytes(serialization.Encoding.PEM).decode()
    # the server's first: what is looked for is written last
    write_private(identity.server, private + public)
    write_private(identity.certificate, public)
