"""The TLS contexts of one server: made at start, replaced when its key files have changed."""

from __future__ import annotations

import asyncio
import datetime
import logging
import secrets
import ssl
import tempfile
from collections.abc import Iterable

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from mms_server.errors import ConfigError
from mms_server.http.tls.identities import Identity, KeyFiles, make_identity, read_identity

logger = logging.getLogger("mms_server.http")


class TlsContexts:
    """Holds the context for new connections; open ones keep the one that they began with.

    Without key files the server makes its own certificate, for `hosts`. Making one of these blocks
    on files, and raises ConfigError; what is made belongs to the loop's thread.
    """

    def __init__(self, files: KeyFiles, hosts: Iterable[str]) -> None:
        self._files = files
        self._is_stale = False
        self._reloading: asyncio.Task[None] | None = None
        if files:
            self.current = _load(files)
            return
        identity = make_identity(hosts)
        logger.warning(
            "Neither keystore nor certificate_file is set: https shows a certificate that was made "
            "just now and that no client can verify. SHA-256 fingerprint: %s",
            identity.fingerprint,
        )
        self.current = make_context(identity)

    def reload_soon(self) -> None:
        """Read the key files again, off the loop; what is wrong with them is logged."""
        self._is_stale = bool(self._files)
        if self._is_stale and (self._reloading is None or self._reloading.done()):
            self._reloading = asyncio.get_running_loop().create_task(self._reload())

    async def _reload(self) -> None:
        while self._is_stale:
            self._is_stale = False
            try:
                self.current = await asyncio.to_thread(_load, self._files)
            except ConfigError as exc:
                logger.error("The certificates in use stay: %s", exc)


def make_context(identity: Identity) -> ssl.SSLContext:
    """Make a context for TLS 1.2 and later, with the ciphers of Python's `ssl`.

    Raises ConfigError for a key that OpenSSL will not use, one too short among others.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # RFC 9113 section 9.2: what later HTTP forbids does no good to HTTP/1.1 either.
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])  # RFC 7301
    try:
        _use(context, identity)
    except (ssl.SSLError, ValueError) as exc:
        raise ConfigError(f"{identity.setting}: TLS cannot use it ({exc}).") from exc
    return context


def _use(context: ssl.SSLContext, identity: Identity) -> None:
    """Put key and certificates in a context.

    `ssl` takes them from files only: the key goes there encrypted, by a password used once.
    """
    password = secrets.token_hex(32).encode()
    with tempfile.NamedTemporaryFile(prefix="mms-tls-") as file:
        for certificate in identity.chain:
            file.write(certificate.public_bytes(Encoding.PEM))
        file.write(
            identity.key.private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password)
            )
        )
        file.flush()
        context.load_cert_chain(file.name, password=password)


def _load(files: KeyFiles) -> ssl.SSLContext:
    identity = read_identity(files)
    context = make_context(identity)
    logger.info("Certificate from %s, SHA-256 %s", identity.setting, identity.fingerprint)
    problem = identity.find_expiry(datetime.datetime.now(datetime.UTC))
    if problem is not None:
        logger.warning("%s: the certificate %s.", identity.setting, problem)
    return context
