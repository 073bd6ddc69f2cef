from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from mms_server.errors import ConfigError
from mms_server.http.tls.identities import KeyFiles, make_identity, read_identity

NOW = datetime.datetime.now(datetime.UTC)


@pytest.fixture(scope="session")
def long_chain() -> tuple[trustme.LeafCert, list[x509.Certificate]]:
    """A certificate, and all that vouch for it up to the root."""
    root = trustme.CA()
    middle = root.create_child_ca()
    leaf = middle.issue_cert("localhost")
    pems = [pem.bytes() for pem in leaf.cert_chain_pems] + [root.cert_pem.bytes()]
    return leaf, [x509.load_pem_x509_certificate(pem) for pem in pems]


def write_keystore(path: Path, leaf: trustme.LeafCert, chain: list[x509.Certificate]) -> Path:
    key = load_pem_private_key(leaf.private_key_pem.bytes(), None)
    path.write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"alias",
            key,  # type: ignore[arg-type]  # trustme makes only keys that fit
            chain[0],
            chain[:0:-1],
            BestAvailableEncryption(b"changeit"),
        )
    )
    return path


def test_a_key_store_is_read_and_its_chain_put_in_order(
    tmp_path: Path, long_chain: tuple[trustme.LeafCert, list[x509.Certificate]]
) -> None:
    leaf, chain = long_chain
    keystore = write_keystore(tmp_path / "k.p12", leaf, chain)
    identity = read_identity(KeyFiles(keystore, "changeit", Path("/nope"), Path("/nope")))
    assert identity.setting == f"keystore={keystore}"
    assert list(identity.chain) == chain
    assert identity.key.public_key() == chain[0].public_key()


def test_pem_files_are_read_as_they_are(key_files: KeyFiles) -> None:
    identity = read_identity(key_files)
    assert identity.setting == f"certificate_file={key_files.certificate_file}"
    assert identity.key.public_key() == identity.chain[0].public_key()
    assert len(identity.fingerprint) == 32 * 3 - 1


def test_the_key_may_be_in_the_older_format(tmp_path: Path, key_files: KeyFiles) -> None:
    key = read_identity(key_files).key
    path = tmp_path / "old.pem"
    path.write_bytes(
        key.private_bytes(
            Encoding.PEM,
            PrivateFormat.TraditionalOpenSSL,
            NoEncryption(),
        )
    )
    files = KeyFiles(certificate_file=key_files.certificate_file, private_key_file=path)
    assert read_identity(files).key.public_key() == key.public_key()


@pytest.mark.parametrize("magic", [b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce"])
def test_a_java_key_store_is_refused_with_the_command_that_converts_it(
    tmp_path: Path, magic: bytes
) -> None:
    path = tmp_path / "server.jks"
    path.write_bytes(magic + b"\0\0\0\2")
    with pytest.raises(ConfigError) as caught:
        read_identity(KeyFiles(keystore=path))
    assert (
        f"keytool -importkeystore -srckeystore {path} -destkeystore {tmp_path / 'server.p12'} "
        "-deststoretype PKCS12" in str(caught.value)
    )


def test_a_wrong_password_is_named(
    tmp_path: Path, long_chain: tuple[trustme.LeafCert, list[x509.Certificate]]
) -> None:
    keystore = write_keystore(tmp_path / "k.p12", *long_chain)
    with pytest.raises(ConfigError, match=f"keystore={keystore}: .* keystore_pass"):
        read_identity(KeyFiles(keystore, "wrong"))


def test_a_key_store_without_a_key_is_named(
    tmp_path: Path, long_chain: tuple[trustme.LeafCert, list[x509.Certificate]]
) -> None:
    keystore = tmp_path / "k.p12"
    keystore.write_bytes(
        pkcs12.serialize_key_and_certificates(
            None, None, None, long_chain[1], BestAvailableEncryption(b"changeit")
        )
    )
    with pytest.raises(ConfigError, match=f"keystore={keystore}: no private key"):
        read_identity(KeyFiles(keystore, "changeit"))


def test_a_keystore_that_is_no_key_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "k").write_text("text")
    with pytest.raises(ConfigError, match="it is no PKCS12 key store"):
        read_identity(KeyFiles(tmp_path / "k"))


def test_half_a_pair_is_named() -> None:
    with pytest.raises(ConfigError, match="certificate_file=/c: private_key_file is unset"):
        read_identity(KeyFiles(certificate_file=Path("/c")))
    with pytest.raises(ConfigError, match="private_key_file=/k: certificate_file is unset"):
        read_identity(KeyFiles(private_key_file=Path("/k")))


def test_files_that_cannot_be_read_are_named(tmp_path: Path, key_files: KeyFiles) -> None:
    nope = tmp_path / "nope"
    with pytest.raises(ConfigError, match=f"keystore={nope}: it cannot be read"):
        read_identity(KeyFiles(keystore=nope))
    with pytest.raises(ConfigError, match=f"certificate_file={nope}: .*No such file"):
        read_identity(KeyFiles(certificate_file=nope, private_key_file=nope))
    with pytest.raises(ConfigError, match=f"private_key_file={tmp_path}: .*Is a directory"):
        read_identity(
            KeyFiles(certificate_file=key_files.certificate_file, private_key_file=tmp_path)
        )


def test_files_that_hold_something_else_are_named(tmp_path: Path, key_files: KeyFiles) -> None:
    other = tmp_path / "other"
    other.write_text("-----BEGIN NONSENSE-----\nAAAA\n-----END NONSENSE-----\n")
    certificate, key = key_files.certificate_file, key_files.private_key_file
    with pytest.raises(ConfigError, match=f"certificate_file={other}: no PEM certificate"):
        read_identity(KeyFiles(certificate_file=other, private_key_file=key))
    with pytest.raises(ConfigError, match=f"private_key_file={other}: no PEM private key"):
        read_identity(KeyFiles(certificate_file=certificate, private_key_file=other))


def test_a_key_of_another_certificate_is_named(tmp_path: Path, key_files: KeyFiles) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().issue_cert("localhost").private_key_pem.write_to_path(other)
    with pytest.raises(ConfigError, match=f"private_key_file={other}: the key does not belong"):
        read_identity(KeyFiles(certificate_file=key_files.certificate_file, private_key_file=other))


def test_an_encrypted_key_is_refused_without_asking_anybody(
    tmp_path: Path, key_files: KeyFiles
) -> None:
    path = tmp_path / "encrypted.pem"
    path.write_bytes(
        read_identity(key_files).key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
        )
    )
    with pytest.raises(ConfigError, match=f"openssl pkey -in {path}"):
        read_identity(KeyFiles(certificate_file=key_files.certificate_file, private_key_file=path))


def test_a_certificate_of_ones_own_names_this_machine_and_the_hosts() -> None:
    identity = make_identity(["models.internal", "10.1.2.3", "127.0.0.1", "b\u00fccher.example"])
    names = identity.chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "models.internal"]
    assert names.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address(text) for text in ("127.0.0.1", "::1", "10.1.2.3")
    ]
    assert identity.find_expiry(NOW) is None


def test_dates_are_looked_at() -> None:
    identity = make_identity(())
    later = NOW + datetime.timedelta(days=3700)
    assert "expired on " in (identity.find_expiry(later) or "")
    earlier = NOW - datetime.timedelta(days=2)
    assert "is not valid before " in (identity.find_expiry(earlier) or "")


def test_whether_any_file_is_named() -> None:
    assert not KeyFiles(keystore_pass="changeit")
    assert KeyFiles(private_key_file=Path("/k"))
