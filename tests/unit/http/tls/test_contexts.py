from __future__ import annotations

import asyncio
import shutil
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import x25519

from mms_server.errors import ConfigError
from mms_server.http.tls.contexts import TlsContexts, make_context
from mms_server.http.tls.identities import Identity, KeyFiles, make_identity
from support.served import Tls, over, serving


@pytest.fixture
def changing(tmp_path: Path, key_files: KeyFiles) -> KeyFiles:
    """Key files that a test may change."""
    assert key_files.certificate_file is not None
    assert key_files.private_key_file is not None
    return KeyFiles(
        certificate_file=Path(shutil.copy(key_files.certificate_file, tmp_path / "c.pem")),
        private_key_file=Path(shutil.copy(key_files.private_key_file, tmp_path / "k.pem")),
    )


def renew(files: KeyFiles) -> None:
    issued = trustme.CA().issue_cert("127.0.0.1")
    assert files.certificate_file is not None
    assert files.private_key_file is not None
    issued.private_key_pem.write_to_path(files.private_key_file)
    issued.cert_chain_pems[0].write_to_path(files.certificate_file)


async def until_reloaded(contexts: TlsContexts) -> None:
    reloading = contexts._reloading
    assert reloading is not None
    async with asyncio.timeout(20):
        await reloading


async def test_what_is_agreed_on(tls: Tls) -> None:
    tls.client.set_alpn_protocols(["h2", "http/1.1"])
    token = over.set(tls)
    async with serving() as served:
        client = await served.connect()
        agreed = client.writer.get_extra_info("ssl_object")
        assert agreed.version() == "TLSv1.3"
        assert agreed.selected_alpn_protocol() == "http/1.1"
        assert agreed.compression() is None
    over.reset(token)
    assert tls.server.current.minimum_version == ssl.TLSVersion.TLSv1_2
    assert tls.server.current.verify_mode == ssl.CERT_NONE


async def test_new_files_are_for_new_connections(
    changing: KeyFiles, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    contexts = TlsContexts(changing, ())
    before = contexts.current
    renew(changing)
    contexts.reload_soon()
    contexts.reload_soon()  # what changed while the first was reading is not missed
    await until_reloaded(contexts)
    assert contexts.current is not before
    assert caplog.text.count(f"Certificate from certificate_file={changing.certificate_file}") >= 2


async def test_broken_files_change_nothing(
    changing: KeyFiles, caplog: pytest.LogCaptureFixture
) -> None:
    contexts = TlsContexts(changing, ())
    before = contexts.current
    assert changing.private_key_file is not None
    changing.private_key_file.write_text("broken")
    contexts.reload_soon()
    await until_reloaded(contexts)
    assert contexts.current is before
    assert (
        "The certificates in use stay: "
        f"private_key_file={changing.private_key_file}: no PEM private key is in it" in caplog.text
    )
    renew(changing)
    contexts.reload_soon()
    await until_reloaded(contexts)
    assert contexts.current is not before


async def test_a_certificate_of_ones_own_is_warned_of_and_stays(
    caplog: pytest.LogCaptureFixture,
) -> None:
    contexts = TlsContexts(KeyFiles(), ["models.internal"])
    assert "Neither keystore nor certificate_file is set" in caplog.text
    before = contexts.current
    contexts.reload_soon()
    assert contexts._reloading is None
    assert contexts.current is before


def test_an_expired_certificate_is_used_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    issued = trustme.CA().issue_cert(
        "localhost",
        not_before=datetime(2020, 1, 1, tzinfo=UTC),
        not_after=datetime(2021, 1, 1, tzinfo=UTC),
    )
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    both = tmp_path / "both.pem"
    TlsContexts(KeyFiles(certificate_file=both, private_key_file=both), ())
    assert f"certificate_file={both}: the certificate expired on 2021-01-01 " in caplog.text


def test_a_key_that_tls_cannot_use_is_named() -> None:
    made = make_identity(())
    identity = Identity("keystore=/k", x25519.X25519PrivateKey.generate(), made.chain)
    with pytest.raises(ConfigError, match="keystore=/k: TLS cannot use it"):
        make_context(identity)


def test_nothing_of_a_key_is_left_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    make_context(make_identity(()))
    assert list(tmp_path.iterdir()) == []
