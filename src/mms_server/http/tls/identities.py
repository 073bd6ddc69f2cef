"""Who a server is to its TLS clients: a private key and its certificates, read or made.

Reads `cryptography`, which a server without https never imports: import this module late. Blocks
on files; not for the loop's thread.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12
from cryptography.x509.oid import NameOID

from mms_server.errors import ConfigError

_JAVA_STORES = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")
"""How Java's own formats, JKS and JCEKS, begin (OpenJDK 17, `JavaKeyStore` and `JceKeyStore`)."""

_SELF_SIGNED_DAYS = 3650
"""Longer than any server runs: nobody can verify it, and nobody should have to restart for it."""


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """The settings that name key material, under their own names."""

    keystore: Path | None = None
    keystore_pass: str = ""
    certificate_file: Path | None = None
    private_key_file: Path | None = None

    def __bool__(self) -> bool:
        return any((self.keystore, self.certificate_file, self.private_key_file))


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key and its certificate, followed by those that vouch for it.

    `setting` is the key and value that it came from.
    """

    setting: str
    key: PrivateKeyTypes
    chain: Sequence[x509.Certificate]

    @property
    def fingerprint(self) -> str:
        """The certificate's SHA-256, as `openssl x509 -fingerprint -sha256` prints it."""
        return self.chain[0].fingerprint(hashes.SHA256()).hex(":").upper()

    def find_expiry(self, now: datetime.datetime) -> str | None:
        """Say what is wrong with the certificate's dates; None when it is valid now."""
        certificate = self.chain[0]
        if now > certificate.not_valid_after_utc:
            return f"expired on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        if now < certificate.not_valid_before_utc:
            return f"is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        return None


def read_identity(files: KeyFiles) -> Identity:
    """Read the key store, else the PEM files, as Multi Model Server chooses.

    Raises ConfigError that names the setting, its value and the reason.
    """
    if files.keystore is not None:
        return _read_keystore(files.keystore, files.keystore_pass)
    if files.certificate_file is None:
        raise ConfigError(f"private_key_file={files.private_key_file}: certificate_file is unset.")
    if files.private_key_file is None:
        raise ConfigError(f"certificate_file={files.certificate_file}: private_key_file is unset.")
    return _read_pem(files.certificate_file, files.private_key_file)


def make_identity(hosts: Iterable[str]) -> Identity:
    """Make a key and a certificate for this machine and `hosts` that the key itself signs."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = dict.fromkeys(("localhost", "127.0.0.1", "::1", *hosts))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # for clocks that are behind
        .not_valid_after(now + datetime.timedelta(days=_SELF_SIGNED_DAYS))
        .add_extension(
            x509.SubjectAlternativeName([_general_name(each) for each in names if each.isascii()]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Identity("https://", key, (certificate,))


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _read_keystore(path: Path, password: str) -> Identity:
    setting = f"keystore={path}"
    data = _read(setting, path)
    if data.startswith(_JAVA_STORES):
        raise ConfigError(
            f"{setting}: this is a Java key store (JKS), and PKCS12 is expected. Convert it: "
            f"keytool -importkeystore -srckeystore {path} "
            f"-destkeystore {path.with_suffix('.p12')} -deststoretype PKCS12"
        )
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(data, password.encode())
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise ConfigError(
            f"{setting}: it is no PKCS12 key store, or keystore_pass does not open it ({exc})."
        ) from exc
    if key is None or certificate is None:
        raise ConfigError(f"{setting}: no private key with its certificate is in it.")
    return Identity(setting, key, _sort_chain(certificate, others))


def _sort_chain(
    certificate: x509.Certificate, others: Sequence[x509.Certificate]
) -> list[x509.Certificate]:
    """Order as TLS sends them, each vouching for the one before it (RFC 5246 section 7.4.2)."""
    by_subject = {other.subject: other for other in others}
    chain = [certificate]
    while (issuer := by_subject.pop(chain[-1].issuer, None)) is not None:
        chain.append(issuer)
    return chain


def _read_pem(certificate_file: Path, private_key_file: Path) -> Identity:
    setting = f"certificate_file={certificate_file}"
    try:
        chain = x509.load_pem_x509_certificates(_read(setting, certificate_file))
    except ValueError as exc:
        raise ConfigError(f"{setting}: no PEM certificate is in it ({exc}).") from exc
    key = _read_pem_key(private_key_file)
    if key.public_key() != chain[0].public_key():
        raise ConfigError(
            f"private_key_file={private_key_file}: the key does not belong to the first "
            f"certificate in {setting}."
        )
    return Identity(setting, key, chain)


def _read_pem_key(path: Path) -> PrivateKeyTypes:
    setting = f"private_key_file={path}"
    try:
        return load_pem_private_key(_read(setting, path), password=None)
    except TypeError as exc:
        raise ConfigError(
            f"{setting}: the key is encrypted. Decrypt it: openssl pkey -in {path} -out FILE"
        ) from exc
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise ConfigError(f"{setting}: no PEM private key is in it ({exc}).") from exc


def _read(setting: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise ConfigError(f"{setting}: it cannot be read ({exc.strerror}).") from exc
