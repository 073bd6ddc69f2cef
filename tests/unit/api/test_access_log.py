from __future__ import annotations

import re

import pytest

from mms_server.api.access_log import AccessLog
from support.served import serving

COUNT = b"Requests%s.Count:1|#Level:Host|#hostname:h,timestamp:null\n"
REQUEST = b"GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


async def observe(request: bytes) -> tuple[list[bytes], list[bytes], bytes]:
    """Have one request answered; returns access lines, metric lines and the client's address."""
    access: list[bytes] = []
    metrics: list[bytes] = []
    async with serving(observer=AccessLog(access.append, metrics.append, "h")) as served:
        client = await served.connect()
        host, port = client.writer.get_extra_info("sockname")
        await client.send(request)
        await client.rest()
    return access, metrics, b"%s:%d" % (host.encode(), port)


async def test_an_answer_is_shown_and_counted() -> None:
    access, metrics, address = await observe(REQUEST % b"/a?b=%20c")
    assert re.fullmatch(
        rb'/%s "GET /a\?b=%%20c HTTP/1\.1" 200 \d+\n' % re.escape(address), access[0]
    )
    assert len(access) == 1
    assert metrics == [COUNT % b"2XX"]


async def test_the_protocol_is_the_clients() -> None:
    access, _, _ = await observe(b"HEAD / HTTP/1.0\r\n\r\n")
    assert b'"HEAD / HTTP/1.0" 200 ' in access[0]


async def test_a_request_refused_before_its_body_is_shown() -> None:
    access, metrics, _ = await observe(
        b"POST /missing HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n"
    )
    assert b'"POST /missing HTTP/1.1" 404 ' in access[0]
    assert metrics == [COUNT % b"4XX"]


async def test_what_is_no_request_is_counted_only() -> None:
    access, metrics, _ = await observe(b"GARBAGE\r\n\r\n")
    assert access == []
    assert metrics == [COUNT % b"4XX"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(b"200", b"2XX"), (b"404", b"4XX"), (b"503", b"5XX"), (b"302", b"5XX"), (b"999", b"5XX")],
)
async def test_statuses_are_counted_as_in_mms(status: bytes, kind: bytes) -> None:
    seen: list[bytes] = []
    async with serving() as served:
        client = await served.connect()
        await client.send(b"GET /hold HTTP/1.1\r\nHost: h\r\n\r\n")
        await served.until(lambda: served.application.held)
        AccessLog(None, seen.append, "h").answered(served.application.held[0], status, 0.0)
    assert seen == [COUNT % kind]


async def test_the_duration_is_whole_milliseconds() -> None:
    seen: list[bytes] = []
    async with serving() as served:
        client = await served.connect()
        await client.send(b"GET /hold HTTP/1.1\r\nHost: h\r\n\r\n")
        await served.until(lambda: served.application.held)
        AccessLog(seen.append, None, "h").answered(served.application.held[0], b"200", 1.2349)
    assert seen[0].endswith(b' HTTP/1.1" 200 1234\n')
