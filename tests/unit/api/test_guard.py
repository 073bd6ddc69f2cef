from __future__ import annotations

import pytest

from mms_server.api.guard import Guard, is_loopback
from mms_server.errors import ForbiddenError
from mms_server.http.head import Head
from mms_server.http.request import Request
from mms_server.http.router import Endpoint


def make_request(host: bytes, origin: bytes | None = None) -> Request:
    fields = [b"Host", host]
    if origin is not None:
        fields += [b"Origin", origin]
    return Request(Head(b"POST", b"/models", fields), [])


ON_LOOPBACK = Guard(frozenset({"models.internal"}), checks_host=True)
ELSEWHERE = Guard(frozenset(), checks_host=False)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        (b"127.0.0.1:8081", None),
        (b"localhost", None),
        (b"LOCALHOST:8081", None),
        (b"[::1]:8081", None),
        (b"127.9.9.9", None),
        (b"models.internal", None),
        (b"localhost", b"http://localhost:3000"),
        (b"localhost", b"http://127.0.0.1"),
        (b"localhost", b"https://models.internal"),
    ],
)
def test_lets_this_machine_in(host: bytes, origin: bytes | None) -> None:
    ON_LOOPBACK.check(make_request(host, origin))


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        (b"evil.example", None),
        (b"evil.example:8081", None),
        (b"", None),
        (b"127.0.0.1.evil.example", None),
        (b"localhost.evil.example", None),
        (b"[::1", None),
        (b"0.0.0.0", None),
        (b"localhost", b"http://evil.example"),
        (b"localhost", b"null"),
        (b"localhost", b""),
        (b"localhost", b"http://localhost.evil.example"),
        (b"localhost", b"http://localhost@evil.example"),
    ],
)
def test_keeps_web_pages_out(host: bytes, origin: bytes | None) -> None:
    with pytest.raises(ForbiddenError):
        ON_LOOPBACK.check(make_request(host, origin))


def test_elsewhere_the_name_is_the_networks_affair() -> None:
    ELSEWHERE.check(make_request(b"server.internal:8081"))
    ELSEWHERE.check(make_request(b"server.internal:8081", b"http://server.internal"))
    with pytest.raises(ForbiddenError):
        ELSEWHERE.check(make_request(b"server.internal:8081", b"http://evil.example"))


def test_a_protected_endpoint_says_who_may_use_it() -> None:
    endpoint = ON_LOOPBACK.protect(Endpoint(lambda *_: None))
    assert endpoint.admit is not None
    endpoint.admit(make_request(b"localhost"))
    with pytest.raises(ForbiddenError):
        endpoint.admit(make_request(b"localhost", b"http://evil.example"))


def test_what_loopback_is() -> None:
    assert is_loopback("a.localhost")
    assert not is_loopback("10.0.0.1")
    assert not is_loopback("localhost.")
