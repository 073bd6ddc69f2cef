"""Tests of this room run on both event loops."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import trustme
import uvloop

from mms_server.http.tls.contexts import TlsContexts
from mms_server.http.tls.identities import KeyFiles
from support.served import Tls, over


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run each coroutine test once on each."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def key_files(tmp_path_factory: pytest.TempPathFactory) -> KeyFiles:
    """A certificate for loopback from an authority whose own certificate lies beside it."""
    folder = tmp_path_factory.mktemp("keys")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    for number, pem in enumerate(issued.cert_chain_pems):
        pem.write_to_path(folder / "certificate.pem", append=number > 0)
    return KeyFiles(
        certificate_file=folder / "certificate.pem", private_key_file=folder / "key.pem"
    )


@pytest.fixture
def tls(key_files: KeyFiles) -> Tls:
    """Both ends of TLS; the client checks the certificate."""
    assert key_files.certificate_file is not None
    authority: Path = key_files.certificate_file.with_name("ca.pem")
    return Tls(TlsContexts(key_files, ()), ssl.create_default_context(cafile=authority))


@pytest.fixture(params=["tcp", "tls"])
def transport(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run a test of `serving` once in plain text and once over TLS."""
    token = over.set(request.getfixturevalue("tls") if request.param == "tls" else None)
    yield
    over.reset(token)
