"""Bodies that do not go through the parser: received whole, cut off, refused, given up."""

from __future__ import annotations

import asyncio
import gc

import pytest

from mms_server.http.connection import Connection
from mms_server.http.exchange import Exchange
from mms_server.http.limits import Limits
from mms_server.http.request import Chunk, Request
from mms_server.receiver import Receiver
from support.served import Client, Served, serving

pytestmark = pytest.mark.usefixtures("transport")

BODY = bytes(range(256)) * 8_000  # 2 MB
HEAD = b"POST %s HTTP/1.1\r\nHost: h\r\n%sContent-Length: %d\r\n\r\n"
GET = b"GET %s HTTP/1.1\r\nHost: h\r\n\r\n"


def connection(served: Served) -> Connection:
    (only,) = served.listener._connections
    return only


def held() -> list[Receiver]:
    """Find receivers that hold a body, or part of one."""
    receivers = [each for each in gc.get_objects() if isinstance(each, Receiver)]
    return [each for each in receivers if each._pieces or each._piece]


async def start_body(served: Served, path: bytes = b"/x", sent: bytes = BODY[:700_000]) -> Client:
    """Send a head and some of its body, and wait until that is in the receiver."""
    client = await served.connect()
    await client.send(HEAD % (path, b"", len(BODY)) + sent)
    await served.until(lambda: served.listener.open_connections == 1)
    it = connection(served)
    await served.until(lambda: it._receiver is not None and it._receiver._received_bytes > 100_000)
    return client


@pytest.mark.parametrize("cut", [0, 1, 100_000, len(BODY) - 256 * 1024, len(BODY) - 1, len(BODY)])
async def test_a_body_is_the_same_wherever_it_is_cut(cut: int) -> None:
    async with serving() as served:
        client = await served.connect()
        await client.send(HEAD % (b"/echo", b"", len(BODY)) + BODY[:cut])
        await served.until(lambda: served.application.previewed or cut > len(BODY) - 2)
        sending = asyncio.ensure_future(client.send(BODY[cut:] + GET % b"/behind"))
        assert (await client.response())[1] == BODY
        assert (await client.response())[1] == b"/behind 0"
        await sending
        assert held() == []


async def test_one_large_body_after_the_other() -> None:
    async with serving() as served:
        client = await served.connect()
        for size in (len(BODY), 300_000, 10, len(BODY)):
            sending = asyncio.ensure_future(client.send(HEAD % (b"/echo", b"", size) + BODY[:size]))
            assert (await client.response())[1] == BODY[:size]
            await sending


async def test_a_large_body_that_was_pipelined_waits_for_its_turn() -> None:
    async with serving() as served:
        client = await served.connect()
        sending = asyncio.ensure_future(
            client.send(GET % b"/hold" + HEAD % (b"/echo", b"", len(BODY)) + BODY)
        )
        await served.until(lambda: served.application.held)
        assert held() == []
        served.application.held[0].respond(b"HTTP/1.1 200 \r\n", b"", [b"first"])
        assert (await client.response())[1] == b"first"
        assert (await client.response())[1] == BODY
        await sending


async def test_an_upgrade_that_is_ignored_leaves_the_body_whole() -> None:
    async with serving() as served:
        client = await served.connect()
        fields = b"Connection: Upgrade\r\nUpgrade: h2c\r\n"
        sending = asyncio.ensure_future(
            client.send(HEAD % (b"/echo", fields, len(BODY)) + BODY + GET % b"/behind")
        )
        assert (await client.response())[1] == BODY
        assert (await client.response())[1] == b"/behind 0"
        await sending


async def test_a_connection_that_ends_with_its_request_ends() -> None:
    async with serving() as served:
        client = await served.connect()
        await client.send(HEAD % (b"/x", b"Connection: close\r\n", len(BODY)) + BODY)
        assert (await client.rest()).endswith(b"connection: close\r\n\r\n/x %d" % len(BODY))


async def test_continue_is_said_before_a_large_body() -> None:
    async with serving() as served:
        client = await served.connect()
        await client.send(HEAD % (b"/echo", b"Expect: 100-continue\r\n", len(BODY)))
        async with asyncio.timeout(20):
            interim = await client.reader.readexactly(len(b"HTTP/1.1 100 Continue\r\n\r\n"))
        assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
        sending = asyncio.ensure_future(client.send(BODY))
        assert (await client.response())[1] == BODY
        await sending


async def test_a_body_over_the_limit_is_not_begun() -> None:
    async with serving(Limits(body_bytes=len(BODY) - 1)) as served:
        client = await served.connect()
        await client.send(HEAD % (b"/echo", b"", len(BODY)))
        assert (await client.rest()).startswith(b"HTTP/1.1 413 ")
        assert held() == []


async def test_chunks_are_counted_while_they_come() -> None:
    async with serving(Limits(body_bytes=1_000_000)) as served:
        client = await served.connect()
        chunk = b"%x\r\n%s\r\n" % (400_000, BODY[:400_000])
        await client.send(
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 3
        )
        assert (await client.rest()).startswith(b"HTTP/1.1 413 ")
        assert served.application.handled == []


async def test_who_takes_a_body_in_pieces_gets_it_so() -> None:
    class Counter:
        seen = 0

        def feed(self, chunk: Chunk) -> None:
            self.seen += len(chunk)

    counter = Counter()

    def preview(request: Request, exchange: Exchange) -> None:
        request.consumer = counter

    async with serving() as served:
        served.application.preview = preview  # type: ignore[method-assign]  # for this test
        client = await served.connect()
        sending = asyncio.ensure_future(
            client.send(HEAD % (b"/x", b"Expect: 100-continue\r\n", len(BODY)))
        )
        async with asyncio.timeout(20):
            await client.reader.readuntil(b"\r\n\r\n")
        await sending
        sending = asyncio.ensure_future(client.send(BODY))
        assert (await client.response())[1] == b"/x %d" % len(BODY)
        await sending
        assert counter.seen == len(BODY)


async def test_a_large_body_that_stops_coming_times_out() -> None:
    async with serving(Limits(body_bytes=len(BODY), body_timeout_s=0.3)) as served:
        client = await start_body(served)
        assert (await client.rest()).startswith(b"HTTP/1.1 408 ")
        assert [str(error) for error in served.application.errors] == [
            "The request's body did not arrive in time."
        ]
        assert held() == []


async def test_each_piece_gives_the_client_its_time_anew() -> None:
    async with serving() as served:
        client = await start_body(served)
        before = connection(served)._deadline
        await client.send(BODY[700_000:800_000])
        await served.until(lambda: connection(served)._deadline > before)


async def test_a_client_that_leaves_in_the_middle_frees_the_memory() -> None:
    async with serving() as served:
        gc.collect()
        gc.disable()
        try:
            client = await start_body(served)
            client.reset()
            await served.until(lambda: served.listener.open_connections == 0)
            await served.until(lambda: held() == [])
            assert served.application.handled == []
        finally:
            gc.enable()


async def test_a_client_that_ends_its_output_in_the_middle_is_let_go() -> None:
    async with serving() as served:
        client = await start_body(served)
        await client.close()
        await served.until(lambda: served.listener.open_connections == 0)
        await served.until(lambda: held() == [])
        assert served.application.handled == []


async def test_draining_waits_for_a_body_that_is_coming() -> None:
    async with serving() as served:
        client = await start_body(served)
        served.listener.stop_accepting()
        await client.send(BODY[700_000:])
        head, answer = await client.response()
        assert b"connection: close" in head
        assert answer == b"/x %d" % len(BODY)
        (request,) = served.application.handled
        assert b"".join(request.body) == BODY
