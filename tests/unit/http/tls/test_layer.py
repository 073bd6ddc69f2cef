"""The layer with clients that asyncio does not have: they speak TLS record by record."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest

from mms_server.http.connection import Connection
from mms_server.http.limits import Limits
from mms_server.http.tls.layer import TlsLayer
from support.served import Served, Tls, answer, over, serving

GET = b"GET %s HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n"
T = TypeVar("T")


class Client:
    """TLS over plain streams: each direction can be ended, each record damaged."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext
    ) -> None:
        self.reader = reader
        self.writer = writer
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="127.0.0.1")

    async def shake_hands(self) -> None:
        await self._run(self._tls.do_handshake)

    def encrypt(self, data: bytes) -> bytes:
        for at in range(0, len(data), 16384):
            self._tls.write(data[at : at + 16384])
        return self._outgoing.read()

    async def send(self, data: bytes) -> None:
        await self.send_raw(self.encrypt(data))

    async def send_raw(self, data: bytes) -> None:
        self.writer.write(data)
        async with asyncio.timeout(20):
            await self.writer.drain()

    async def end_output(self) -> None:
        with pytest.raises(ssl.SSLWantReadError):
            self._tls.unwrap()
        await self.send_raw(self._outgoing.read())

    async def read(self) -> bytes:
        """Read something; nothing means that the server has ended its output properly."""
        return await self._run(lambda: self._tls.read(65536))

    async def rest(self) -> bytes:
        chunks = []
        while chunk := await self.read():
            chunks.append(chunk)
        return b"".join(chunks)

    async def _run(self, operation: Callable[[], T]) -> T:
        while True:
            try:
                return operation()
            except ssl.SSLZeroReturnError:  # the end, after this side's
                return b""  # type: ignore[return-value]  # only reading meets it
            except ssl.SSLWantReadError:
                if self._outgoing.pending:
                    await self.send_raw(self._outgoing.read())
                async with asyncio.timeout(20):
                    data = await self.reader.read(262144)
                if data:
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()


@pytest.fixture(autouse=True, params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def _over_tls(request: pytest.FixtureRequest, tls: Tls) -> Iterator[None]:
    tls.client.maximum_version = request.param
    token = over.set(tls)
    yield
    over.reset(token)


@asynccontextmanager
async def connected(served: Served, *, has_handshake: bool = True) -> AsyncIterator[Client]:
    tls = over.get()
    assert tls is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    client = Client(reader, writer, tls.client)
    try:
        if has_handshake:
            await client.shake_hands()
        yield client
    finally:
        writer.transport.abort()


async def test_a_handshake_that_does_not_come_is_not_waited_for_long() -> None:
    async with (
        serving(Limits(handshake_timeout_s=0.05)) as served,
        connected(served, has_handshake=False) as client,
    ):
        assert await client.reader.read() == b""
        assert served.listener.open_connections == 0
        await served.until(lambda: not served.listener._handshakes)


@pytest.mark.parametrize("start", [b"", b"\x16\x03\x01"])
async def test_a_client_that_goes_before_the_handshake_leaves_nothing(start: bytes) -> None:
    async with serving() as served:
        async with connected(served, has_handshake=False) as client:
            await client.send_raw(start)
            await served.until(lambda: served.listener._handshakes)
            client.writer.write_eof()
            assert await client.reader.read() == b""
        await served.until(lambda: not served.listener._handshakes)


async def test_the_stop_ends_handshakes() -> None:
    async with serving() as served, connected(served, has_handshake=False) as client:
        await served.until(lambda: served.listener._handshakes)
        served.listener.stop_accepting()
        with contextlib.suppress(ConnectionResetError):
            assert await client.reader.read() == b""
        assert not served.listener._handshakes


async def test_plain_http_is_told_what_is_spoken_here() -> None:
    async with serving() as served, connected(served, has_handshake=False) as client:
        await client.send_raw(GET % b"/ping")
        received = await client.reader.read()
        assert received.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert received.endswith(b"use https:// here.\n")


async def test_what_is_not_tls_gets_an_alert() -> None:
    async with serving() as served, connected(served, has_handshake=False) as client:
        await client.send_raw(b"\x16\x03\x01\x00\x05nonsense" * 10)
        assert (await client.reader.read())[:1] == b"\x15"
        assert not served.application.handled


async def test_a_client_that_rejects_the_certificate_is_let_go() -> None:
    async with serving() as served:
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection(
                "127.0.0.1", served.port, ssl=ssl.create_default_context()
            )
        await served.until(lambda: not served.listener._handshakes)
        await served.until(lambda: not served.listener.open_connections)


async def test_records_may_come_in_pieces() -> None:
    async with serving() as served, connected(served) as client:
        for byte in client.encrypt(POST % (b"/echo", 4) + b"body"):
            await client.send_raw(bytes([byte]))
        await served.until(lambda: served.application.handled)
        assert (await client.read()).endswith(b"body")


async def test_a_client_that_ended_its_output_is_answered() -> None:
    async with serving() as served, connected(served) as client:
        await client.send(GET % b"/hold" + GET % b"/2")
        await client.end_output()
        await client.send_raw(b"what comes behind the end is nothing")
        await served.until(lambda: served.application.held)
        answer(served.application.held[0], b"late")
        received = await client.rest()
        assert received.count(b"HTTP/1.1 200") == 2
        assert received.endswith(b"/2 0")
        assert not served.application.gone


async def test_a_bare_fin_is_an_end_too() -> None:
    async with serving() as served, connected(served) as client:
        await client.send(GET % b"/hold")
        await served.until(lambda: served.application.held)
        client.writer.write_eof()
        answer(served.application.held[0], b"late")
        assert (await client.rest()).endswith(b"late")


async def test_an_end_behind_requests_that_must_wait_is_kept() -> None:
    async with serving() as served, connected(served) as client:
        await client.send(GET % b"/hold" + b"".join(GET % b"/%d" % n for n in range(2, 500)))
        await client.end_output()
        await served.until(lambda: served.application.held)
        answer(served.application.held[0], b"late")
        received = await client.rest()
        assert received.count(b"HTTP/1.1 200") == 499
        assert received.endswith(b"/499 0")


async def test_a_client_that_closed_both_sides_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mms_server.http.connection._PROBE_AFTER_S", 0.02)
    async with serving() as served, connected(served) as client:
        await client.send(GET % b"/hold")
        await served.until(lambda: served.application.held)
        await client.end_output()
        client.writer.close()
        await served.until(lambda: served.application.gone)


async def test_a_damaged_record_ends_the_connection() -> None:
    async with serving() as served, connected(served) as client:
        await client.send(GET % b"/hold")
        await served.until(lambda: served.application.held)
        record = bytearray(client.encrypt(GET % b"/2"))
        record[-1] ^= 1
        await client.send_raw(bytes(record))
        await served.until(lambda: served.application.gone)
        assert [request.head.path for request in served.application.handled] == [b"/hold"]
        with pytest.raises(ssl.SSLError, match="ALERT"):
            await client.rest()


async def test_a_body_that_nobody_wants_is_taken_and_the_answer_read_behind_it() -> None:
    """A client that looks for an answer only when it has sent everything, as `curl -T` may."""
    async with serving() as served, connected(served) as client:
        await client.send(POST % (b"/missing", 6_000_000))
        await client.send(b"x" * 6_000_000)
        received = await client.rest()
        assert received.startswith(b"HTTP/1.1 404 ")
        assert await client.reader.read() == b""


async def test_a_last_answer_may_be_read_as_slowly_as_over_tcp() -> None:
    """The clock that ends the waiting for a refused body does not cut the answer."""
    async with (
        serving(Limits(linger_s=0.02, body_timeout_s=0.2)) as served,
        connected(served) as client,
    ):
        await client.send(POST % (b"/early", 9))
        await served.until(lambda: served.application.previewed)
        size_bytes = 0
        while chunk := await client.read():
            size_bytes += len(chunk)
            if size_bytes % 50 == 0:
                await asyncio.sleep(0.001)
        assert size_bytes > 20_000_000


async def test_a_long_answer_is_whole_though_an_error_is_behind_it() -> None:
    async with serving(Limits(header_timeout_s=0.02)) as served, connected(served) as client:
        await client.send(GET % b"/hold" + b"GET / HT")
        await served.until(lambda: served.application.held)
        answer(served.application.held[0], b"x" * 20_000_000)
        received = await client.rest()
        head, _, body = received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert body[:20_000_000] == b"x" * 20_000_000
        assert body[20_000_000:].startswith(b"HTTP/1.1 408 ")


async def test_a_client_that_never_reads_is_cut_off() -> None:
    async with serving(Limits(body_timeout_s=0.1)) as served, connected(served) as client:
        sock: socket.socket = client.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a read transport
        await client.send(POST % (b"/early", 9))
        await served.until(lambda: served.application.previewed)
        await served.until(lambda: not served.listener.open_connections)


async def test_what_is_lost_is_let_go_without_a_collection() -> None:
    def left() -> list[object]:
        return [each for each in gc.get_objects() if isinstance(each, TlsLayer | Connection)]

    async with serving() as served:
        gc.collect()
        gc.disable()
        try:
            async with connected(served) as client:
                await client.send(GET % b"/x")
                assert await client.read()
            await served.until(lambda: not left())
        finally:
            gc.enable()
