from __future__ import annotations

import asyncio

import pytest

from mms_server.http.limits import Limits
from support.served import Served, answer, serving

pytestmark = pytest.mark.usefixtures("transport")

OVER_TCP = pytest.mark.parametrize("transport", ["tcp"], indirect=True)
"""For tests whose client ends its output and reads on, which those of asyncio cannot over TLS."""

GET = b"GET %s HTTP/1.1\r\nHost: h\r\n\r\n"


def post(path: bytes, body: bytes, fields: bytes = b"") -> bytes:
    return b"POST %s HTTP/1.1\r\nHost: h\r\n%sContent-Length: %d\r\n\r\n%s" % (
        path,
        fields,
        len(body),
        body,
    )


async def test_answers_and_keeps_the_connection() -> None:
    async with serving() as served:
        client = await served.connect()
        for body in (b"", b"hello"):
            await client.send(post(b"/echo", body))
            head, received = await client.response()
            assert head == (
                b"HTTP/1.1 200 \r\ncontent-length: %d\r\nconnection: keep-alive\r\n\r\n" % len(body)
            )
            assert received == body


async def test_answers_pipelined_requests_in_order_though_later_ones_are_ready() -> None:
    async with serving() as served:
        client = await served.connect()
        await client.send(GET % b"/hold" + GET % b"/2" + post(b"/3", b"xyz") + GET % b"/close")
        await served.until(lambda: served.application.held)
        assert [request.head.path for request in served.application.handled] == [b"/hold"]
        answer(served.application.held[0], b"first")
        bodies = [(await client.response())[1] for _ in range(4)]
        assert bodies == [b"first", b"/2 0", b"/3 3", b"bye"]
        assert await client.rest() == b""


async def test_thousands_of_pipelined_requests_are_all_answered() -> None:
    async with serving() as served:
        client = await served.connect()
        sending = asyncio.ensure_future(client.send(GET % b"/x" * 5000))
        for _ in range(5000):
            assert (await client.response())[1] == b"/x 0"
        await sending


async def test_an_error_behind_good_requests_comes_after_their_answers() -> None:
    async with serving() as served:
        client = await served.connect()
        await client.send(GET % b"/hold" + GET % b"/2" + b"garbage\r\n\r\n")
        await served.until(lambda: served.application.held)
        answer(served.application.held[0], b"1")
        received = await client.rest()
        assert received.count(b"HTTP/1.1 200 ") == 2
        assert received.endswith(
            b"HTTP/1.1 400 Error\r\ncontent-length: 21\r\n"
            b"connection: close\r\n\r\nInvalid HTTP message."
        )


async def test_chunked_bodies_come_whole() -> None:
    async with serving() as served:
        client = await served.connect()
        await client.send(
            b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n"
        )
        await client.send(b"abc\r\n")
        await client.send(b"2\r\nde\r\n0\r\n\r\n")
        assert (await client.response())[1] == b"abcde"


async def test_large_bodies_come_and_go_unchanged() -> None:
    body = bytes(range(256)) * 40_000
    async with serving() as served:
        client = await served.connect()
        sending = asyncio.ensure_future(client.send(post(b"/echo", body)))
        _, received = await client.response()
        await sending
        assert received == body


async def test_head_has_the_length_and_no_body() -> None:
    async with serving() as served:
        client = await served.connect()
        await client.send(b"HEAD /path HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert await client.rest() == (
            b"HTTP/1.1 200 \r\ncontent-length: 7\r\nconnection: close\r\n\r\n"
        )


@pytest.mark.parametrize(
    ("request_head", "stays"),
    [
        (b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True),
    ],
)
async def test_the_client_decides_whether_the_connection_stays(
    request_head: bytes, stays: bool
) -> None:
    async with serving() as served:
        client = await served.connect()
        await client.send(request_head)
        head, _ = await client.response()
        assert (b"connection: keep-alive" in head) is stays
        if stays:
            await client.send(GET % b"/again")
            assert (await client.response())[1] == b"/again 0"
        else:
            assert await client.rest() == b""


EXPECTING = b"POST %s HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"


async def test_continue_is_said_once_and_before_the_body() -> None:
    async with serving() as served:
        client = await served.connect()
        await client.send(EXPECTING % b"/echo")
        interim = await client.reader.readuntil(b"\r\n\r\n")
        assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(b"bo")
        await client.send(b"dy")
        head, body = await client.response()
        assert (head[:13], body) == (b"HTTP/1.1 200 ", b"body")


async def test_continue_is_not_said_to_what_is_answered_early() -> None:
    async with serving() as served:
        client = await served.connect()
        await client.send(EXPECTING % b"/missing")
        assert (await client.rest()).startswith(b"HTTP/1.1 404 ")
        client = await served.connect()
        await client.send(EXPECTING.replace(b"100-continue", b"miracles") % b"/echo")
        assert (await client.rest()).startswith(b"HTTP/1.1 417 ")


async def test_continue_waits_for_the_requests_turn() -> None:
    async with serving() as served:
        client = await served.connect()
        await client.send(GET % b"/hold" + EXPECTING % b"/echo")
        await served.until(lambda: served.application.held)
        answer(served.application.held[0], b"1")
        received = await client.response()
        assert received[1] == b"1"
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"


async def test_an_early_answer_reaches_a_client_that_goes_on_sending() -> None:
    """6 MB are on their way to an unknown path: the client sees the answer, and no reset."""
    async with serving() as served:
        client = await served.connect()
        body = b"x" * 6_000_000
        await client.send(post(b"/missing", body))
        received = await client.rest()
        assert received.startswith(b"HTTP/1.1 404 Error\r\n")
        assert received.endswith(b"please refer to API document.")
        assert not served.application.handled


async def test_a_refused_body_is_read_to_a_limit() -> None:
    limits = Limits(body_bytes=10, linger_bytes=100_000, linger_s=30)
    async with serving(limits) as served:
        client = await served.connect()
        await client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n")
        head, _ = await client.response()
        assert head.startswith(b"HTTP/1.1 413 ")

        async def send_all() -> None:
            for _ in range(1000):
                await client.send(b"x" * 100_000)

        with pytest.raises(ConnectionError):
            await send_all()


async def test_a_refused_body_is_waited_for_for_a_time() -> None:
    async with serving(Limits(body_bytes=10, linger_s=0.05)) as served:
        client = await served.connect()
        await client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n")
        await served.until(lambda: served.application.errors)
        await served.until(lambda: served.listener.open_connections == 0)


@OVER_TCP
async def test_a_client_that_only_closed_its_side_is_answered() -> None:
    async with serving() as served:
        client = await served.connect()
        await client.send(GET % b"/hold" + GET % b"/2")
        client.writer.write_eof()
        await served.until(lambda: served.application.held)
        answer(served.application.held[0], b"late")
        assert (await client.response())[1] == b"late"
        assert (await client.response())[1] == b"/2 0"
        assert await client.rest() == b""
        assert not served.application.gone


@OVER_TCP
async def test_a_client_that_closed_both_sides_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mms_server.http.connection._PROBE_AFTER_S", 0.02)
    async with serving() as served:
        client = await served.connect()
        await client.send(GET % b"/hold")
        await served.until(lambda: served.application.held)
        client.writer.close()
        await served.until(lambda: served.application.gone)
        assert served.listener.open_connections == 0


@OVER_TCP
async def test_a_half_closed_client_survives_the_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mms_server.http.connection._PROBE_AFTER_S", 0.02)
    async with serving() as served:
        client = await served.connect()
        await client.send(GET % b"/hold")
        client.writer.write_eof()
        interim = await client.reader.readuntil(b"\r\n\r\n")
        assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
        answer(served.application.held[0], b"late")
        assert (await client.response())[1] == b"late"
        assert not served.application.gone


async def test_a_reset_is_told_once() -> None:
    async with serving() as served:
        client = await served.connect()
        await client.send(GET % b"/hold")
        await served.until(lambda: served.application.held)
        client.reset()
        await served.until(lambda: served.application.gone)
        exchange = served.application.held[0]
        assert not exchange.is_open
        answer(exchange, b"nobody reads this")
        assert len(served.application.gone) == 1


async def test_a_client_that_leaves_in_mid_request_is_forgotten() -> None:
    async with serving() as served:
        for part in (b"GET / HT", b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc"):
            client = await served.connect()
            await client.send(part)
            await served.until(lambda: served.listener.open_connections == 1)
            client.writer.close()
            await served.until(lambda: served.listener.open_connections == 0)
        assert not served.application.handled


async def test_slow_heads_and_bodies_time_out() -> None:
    limits = Limits(header_timeout_s=0.05, body_timeout_s=0.05)
    async with serving(limits) as served:
        for part, seen in (
            (b"GET / HTTP/1.1\r\nHo", b"header section"),
            (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc", b"body"),
        ):
            client = await served.connect()
            await client.send(part)
            received = await client.rest()
            assert received.startswith(b"HTTP/1.1 408 ")
            assert b"The request's %s did not arrive in time." % seen in received


async def test_an_idle_connection_is_closed_without_a_word() -> None:
    async with serving(Limits(idle_timeout_s=0.05)) as served:
        client = await served.connect()
        assert await client.rest() == b""
        client = await served.connect()
        await client.send(GET % b"/1")
        await client.response()
        assert await client.rest() == b""


async def test_the_idle_clock_does_not_run_while_a_request_is_served() -> None:
    async with serving(Limits(idle_timeout_s=0.05)) as served:
        client = await served.connect()
        await client.send(GET % b"/hold")
        await served.until(lambda: served.application.held)
        waiting = asyncio.get_running_loop().time() + 0.15
        await served.until(lambda: asyncio.get_running_loop().time() > waiting)
        answer(served.application.held[0], b"still here")
        assert (await client.response())[1] == b"still here"


async def test_a_client_that_never_reads_is_cut_off() -> None:
    async with serving(Limits(body_timeout_s=0.1)) as served:
        client = await served.connect()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a read transport
        await client.send(GET % b"/hold")
        await served.until(lambda: served.application.held)
        answer(served.application.held[0], b"x" * 50_000_000)
        await served.until(lambda: served.listener.open_connections == 0)


async def test_no_further_request_is_served_while_answers_are_not_read() -> None:
    async with serving() as served:
        client = await served.connect()
        await client.send(GET % b"/hold" + GET % b"/2")
        await served.until(lambda: served.application.held)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a read transport
        answer(served.application.held[0], b"x" * 20_000_000)
        assert [r.head.path for r in served.application.handled] == [b"/hold"]
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]  # a read transport
        assert len((await client.response())[1]) == 20_000_000
        assert (await client.response())[1] == b"/2 0"


async def until_closed(served: Served) -> None:
    await served.listener.wait_closed()


async def test_draining_ends_what_idles_and_finishes_what_is_served() -> None:
    async with serving() as served:
        idle, busy, reading = [await served.connect() for _ in range(3)]
        await busy.send(GET % b"/hold")
        await reading.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo")
        await served.until(lambda: served.application.held and served.application.previewed)
        served.listener.stop_accepting()
        assert await idle.rest() == b""
        answer(served.application.held[0], b"done")
        head, body = await busy.response()
        assert (b"connection: close" in head, body) == (True, b"done")
        await reading.send(b"dy")
        head, body = await reading.response()
        assert (b"connection: close" in head, body) == (True, b"body")
        await until_closed(served)


async def test_an_answer_may_be_given_once() -> None:
    async with serving() as served:
        client = await served.connect()
        await client.send(GET % b"/hold")
        await served.until(lambda: served.application.held)
        answer(served.application.held[0], b"one")
        answer(served.application.held[0], b"two")
        await client.send(GET % b"/close")
        assert (await client.response())[1] == b"one"
        assert (await client.response())[1] == b"bye"


async def test_garbage_is_answered_and_the_listener_goes_on() -> None:
    async with serving() as served:
        client = await served.connect()
        await client.send(b"\x16\x03\x01" * 100)
        assert (await client.rest()).startswith(b"HTTP/1.1 400 ")
        client = await served.connect()
        await client.send(GET % b"/fine")
        assert (await client.response())[1] == b"/fine 0"
