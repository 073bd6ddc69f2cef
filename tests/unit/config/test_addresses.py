from __future__ import annotations

from pathlib import Path

import pytest

from mms_server.config.addresses import Address, parse_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://127.0.0.1:8080", Address("127.0.0.1", 8080)),
        ("HTTP://localhost", Address("localhost", 80)),
        ("http://0.0.0.0:0", Address("0.0.0.0", 0)),
        ("http://host:65535", Address("host", 65535)),
        ("https://host", Address("host", 443, is_tls=True)),
        ("HTTPS://127.0.0.1:8443", Address("127.0.0.1", 8443, is_tls=True)),
        ("unix:/run/mms.sock", Address(path=Path("/run/mms.sock"))),
    ],
)
def test_reads(text: str, expected: Address) -> None:
    assert parse_address(text, 80, 443) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("127.0.0.1:8080", "Invalid binding address"),
        ("http://host:8080/", "Invalid binding address"),
        ("http://[::1]:8080", "Invalid binding address"),
        ("http://host:65536", "Invalid port number"),
        ("unix:relative", "absolute path"),
        ("https://host:65536", "Invalid port number"),
        ("https://", "Invalid binding address"),
        ("ftp://host", "expected http://host:port, https://host:port or unix:/path"),
    ],
)
def test_refuses(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_address(text, 80, 443)


def test_two_free_ports_are_two_listeners() -> None:
    assert Address("h", 1).shares_listener(Address("h", 1))
    assert not Address("h", 0).shares_listener(Address("h", 0))
    assert not Address("h", 1).shares_listener(Address("h", 1, is_tls=True))
    assert Address(path=Path("/s")).shares_listener(Address(path=Path("/s")))


def test_shows_itself_as_written() -> None:
    assert str(Address("h", 1)) == "http://h:1"
    assert str(Address("h", 1, is_tls=True)) == "https://h:1"
    assert str(Address(path=Path("/s"))) == "unix:/s"
