"""How a connection ends, and what must not outlive it: answers, clocks, bodies, defects."""

from __future__ import annotations

import asyncio
import gc

import pytest

from mms_server.http.connection import Connection
from mms_server.http.limits import Limits
from mms_server.http.listener import Listener
from mms_server.http.request import Request
from mms_server.http.response import status_line
from support.served import Client, HoldingApplication, Served, answer, serving

pytestmark = pytest.mark.usefixtures("transport")

OVER_TCP = pytest.mark.parametrize("transport", ["tcp"], indirect=True)
"""For tests whose client ends its output and reads on, or is slow to read an answer behind which
the connection ends: asyncio's clients cannot do the one over TLS, uvloop's lose the other's tail.
`tls/test_layer.py` has such clients."""

GET = b"GET %s HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n"


def connections(served: Served) -> list[Connection]:
    return list(served.listener._connections)


async def answer_unread_before_half_a_head(served: Served, client: Client) -> None:
    """Send a request and half of the next head; the first has a long answer that is not read."""
    await client.send(GET % b"/hold" + b"GET / HT")
    await served.until(
        lambda: served.application.held and connections(served)[0]._parser.is_in_head
    )
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a read transport
    answer(served.application.held[0], b"x" * 20_000_000)


async def test_an_answered_body_is_let_go() -> None:
    """A connection that idles for minutes must not keep what was last uploaded over it."""
    async with serving() as served:
        client = await served.connect()
        await client.send(POST % (b"/x", 4) + b"bo")
        await served.until(lambda: served.application.previewed)
        await client.send(b"dy")
        assert (await client.response())[1] == b"/x 4"
        served.application.previewed.clear()
        served.application.handled.clear()
        gc.collect()
        assert not [each for each in gc.get_objects() if isinstance(each, Request)]


async def test_a_lost_connection_lets_its_half_request_go_without_a_collection() -> None:
    async with serving() as served:
        gc.collect()
        gc.disable()
        try:
            client = await served.connect()
            await client.send(POST % (b"/x", 4) + b"bo")
            await served.until(lambda: served.application.previewed)
            served.application.previewed.clear()
            client.reset()
            await served.until(lambda: not connections(served))
            await served.until(
                lambda: not [each for each in gc.get_objects() if isinstance(each, Request)]
            )
        finally:
            gc.enable()


@OVER_TCP
async def test_an_early_answer_that_took_long_to_read_is_not_followed_by_a_long_wait() -> None:
    async with serving(Limits(linger_s=0.05)) as served:
        client = await served.connect()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a read transport
        await client.send(POST % (b"/early", 9))
        await served.until(lambda: served.application.previewed)
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]  # a read transport
        assert len((await client.response())[1]) == 20_000_000
        await served.until(lambda: not connections(served))


@OVER_TCP
async def test_nothing_is_served_behind_a_last_answer_that_is_still_being_read() -> None:
    async with serving() as served:
        client = await served.connect()
        await client.send(GET % b"/hold" + GET % b"/2")
        await served.until(lambda: served.application.held)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a read transport
        answer(served.application.held[0], b"x" * 20_000_000, close=True)
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]  # a read transport
        assert (await client.rest()).count(b"HTTP/1.1") == 1
        assert [request.head.path for request in served.application.handled] == [b"/hold"]


@OVER_TCP
async def test_the_clock_of_a_head_runs_though_an_answer_was_read_meanwhile() -> None:
    async with serving(Limits(header_timeout_s=0.2)) as served:
        client = await served.connect()
        await answer_unread_before_half_a_head(served, client)
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]  # a read transport
        assert len((await client.response())[1]) == 20_000_000
        assert (await client.rest()).startswith(b"HTTP/1.1 408 ")


@OVER_TCP
async def test_a_slow_reader_is_not_held_to_the_clock_of_heads() -> None:
    async with serving(Limits(header_timeout_s=0.05)) as served:
        client = await served.connect()
        await answer_unread_before_half_a_head(served, client)
        waiting = asyncio.get_running_loop().time() + 0.2
        await served.until(lambda: asyncio.get_running_loop().time() > waiting)
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]  # a read transport
        assert len((await client.response())[1]) == 20_000_000


@pytest.mark.parametrize("garbage", [b"\x00", b"\r\n\x00", b" ", b"get", b"G@"])
async def test_an_error_is_answered_as_soon_as_what_is_before_it(garbage: bytes) -> None:
    async with serving() as served:
        client = await served.connect()
        await client.send(GET % b"/hold")
        await served.until(lambda: served.application.held)
        await client.send(garbage)
        await served.until(lambda: connections(served)[0]._parser.error)
        answer(served.application.held[0], b"1")
        assert (await client.response())[1] == b"1"
        assert (await client.rest()).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("path", [b"/raise", b"/raise-early"])
async def test_a_defect_of_the_application_costs_its_own_connection_only(
    path: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """The defect shows while another request is answered: whoever answers must not see it."""
    async with serving() as served:
        client = await served.connect()
        body = b"body" if path == b"/raise-early" else b"body-body"
        await client.send(GET % b"/hold" + POST % (path, 9) + body)
        await served.until(lambda: served.application.held)
        await served.until(lambda: not connections(served)[0]._is_reading)
        answer(served.application.held[0], b"1")
        await served.until(lambda: not connections(served))
        assert [request.head.path for request in served.application.gone] == (
            [b"/raise"] if path == b"/raise" else []
        )
        assert "RuntimeError: a defect" in caplog.text
        other = await served.connect()
        await other.send(GET % b"/fine")
        assert (await other.response())[1] == b"/fine 0"


@pytest.mark.parametrize("close", [False, True])
@pytest.mark.parametrize("more", [b"", GET % b"/2", b"GET / HT", b"garbage\r\n\r\n"])
@pytest.mark.parametrize("body", [b"x", b"x" * 1_000_000])
async def test_an_answer_to_a_connection_that_was_just_cut_is_no_error(
    close: bool, more: bytes, body: bytes
) -> None:
    async with serving() as served:
        client = await served.connect()
        await client.send(GET % b"/hold" + more)
        await served.until(lambda: served.application.held)
        served.listener.abort()
        answer(served.application.held[0], body, close=close)
        await served.until(lambda: not connections(served))
        assert [request.head.path for request in served.application.handled] == [b"/hold"]


@OVER_TCP
async def test_a_client_that_closed_both_sides_is_found_out_at_a_later_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mms_server.http.connection._PROBE_AFTER_S", 0.02)
    async with serving() as served:
        client = await served.connect()
        await client.send(GET % b"/hold" + GET % b"/hold")
        client.writer.write_eof()
        await served.until(lambda: served.application.held)
        answer(served.application.held[0], b"1")
        assert len(served.application.held) == 2
        client.writer.close()
        await served.until(lambda: served.application.gone)


async def test_draining_does_not_begin_what_was_pipelined() -> None:
    async with serving() as served:
        client = await served.connect()
        await client.send(GET % b"/hold" + GET % b"/2")
        await served.until(lambda: served.application.held)
        served.listener.stop_accepting()
        answer(served.application.held[0], b"1")
        head, body = await client.response()
        assert (b"connection: close" in head, body) == (True, b"1")
        assert await client.rest() == b""
        assert [request.head.path for request in served.application.handled] == [b"/hold"]


class StoppingListener(Listener):
    """Stops between a connection's acceptance and its first callback."""

    def _connect(self) -> Connection:
        asyncio.get_running_loop().call_soon(self.stop_accepting)
        return super()._connect()


async def test_a_connection_accepted_in_the_moment_of_the_stop_is_drained_too() -> None:
    listener = StoppingListener(HoldingApplication(), Limits())
    await listener.bind_tcp("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(listener.address[17:]))
    async with asyncio.timeout(20):
        assert await reader.read() == b""
    writer.close()
    await listener.wait_closed()


@pytest.mark.parametrize(("status", "framing"), [(204, b""), (304, b"content-length: 4\r\n")])
async def test_statuses_without_content_get_none(status: int, framing: bytes) -> None:
    """Bytes behind such a head would be taken for the next answer (RFC 9112 section 6.3)."""
    async with serving() as served:
        client = await served.connect()
        await client.send(GET % b"/hold" + GET % b"/2")
        await served.until(lambda: served.application.held)
        served.application.held[0].respond(status_line(status, ""), b"", [b"body"])
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert head == b"HTTP/1.1 %d \r\n%sconnection: keep-alive\r\n\r\n" % (status, framing)
        assert (await client.response())[1] == b"/2 0"
