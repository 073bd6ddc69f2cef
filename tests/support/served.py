"""A real listener with an application that tests control, and plain clients for it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from mms_server.errors import MMSError, ResourceNotFoundError, statuses_of
from mms_server.http.exchange import Exchange
from mms_server.http.limits import Limits
from mms_server.http.listener import Listener
from mms_server.http.observer import Observer
from mms_server.http.request import Chunk, Request
from mms_server.http.response import status_line
from mms_server.http.tls.contexts import TlsContexts


@dataclass(frozen=True)
class Tls:
    """Both ends of TLS: the listener's, and that of clients that trust it."""

    server: TlsContexts
    client: ssl.SSLContext


over: ContextVar[Tls | None] = ContextVar("over", default=None)
"""What listeners and clients of `serving` speak; set by the fixture `transport`."""


@dataclass(frozen=True)
class Gone:
    """Notes a request whose client has gone."""

    gone: list[Request]
    request: Request

    def client_gone(self) -> None:
        self.gone.append(self.request)


class HoldingApplication:
    """Answers at once with what it saw, or holds the answer back for a test to give."""

    def __init__(self) -> None:
        self.held: list[Exchange] = []
        self.handled: list[Request] = []
        self.gone: list[Request] = []
        self.previewed: list[Request] = []
        self.errors: list[MMSError] = []

    def preview(self, request: Request, exchange: Exchange) -> None:
        self.previewed.append(request)
        if request.head.path == b"/missing":
            self.reject(ResourceNotFoundError(), exchange)
        elif request.head.path == b"/early":
            answer(exchange, b"x" * 20_000_000, close=True)
        elif request.head.path == b"/raise-early":
            raise RuntimeError("a defect")

    def handle(self, request: Request, exchange: Exchange) -> None:
        self.handled.append(request)
        exchange.waiter = Gone(self.gone, request)
        if request.head.path == b"/raise":
            raise RuntimeError("a defect")
        if request.head.path == b"/hold":
            self.held.append(exchange)
        elif request.head.path == b"/close":
            answer(exchange, b"bye", close=True)
        elif request.head.path == b"/echo":
            answer(exchange, *request.body)
        else:
            answer(exchange, b"%s %d" % (request.head.path, request.body_bytes))

    def reject(self, error: MMSError, exchange: Exchange) -> None:
        self.errors.append(error)
        line = status_line(statuses_of(error).http, "Error")
        exchange.respond(line, b"", [str(error).encode()], close=True)


def answer(exchange: Exchange, *body: Chunk, close: bool = False) -> None:
    exchange.respond(status_line(200, ""), b"", list(body), close=close)


class Served:
    """A listener, its application, and plain clients for it."""

    def __init__(self, listener: Listener, application: HoldingApplication) -> None:
        self.listener = listener
        self.application = application
        self.clients: list[Client] = []
        self.port = int(listener.address.rpartition(":")[2])

    async def connect(self) -> Client:
        tls = over.get()
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=None if tls is None else tls.client
        )
        client = Client(reader, writer)
        self.clients.append(client)
        return client

    async def until(self, probe: Callable[[], object]) -> None:
        """Wait for a condition of this process; the loop goes on meanwhile."""
        async with asyncio.timeout(20):
            while not probe():
                await asyncio.sleep(0.005)


class Client:
    """Bytes out, bytes in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        async with asyncio.timeout(20):
            await self.writer.drain()

    async def response(self) -> tuple[bytes, bytes]:
        """Read one answer: head and body."""
        async with asyncio.timeout(20):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            return head, await self.reader.readexactly(length)

    async def rest(self) -> bytes:
        """Read until the server closes."""
        async with asyncio.timeout(20):
            return await self.reader.read()

    def reset(self) -> None:
        """Close so that the server sees a reset."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()


@asynccontextmanager
async def serving(
    limits: Limits | None = None, observer: Observer | None = None
) -> AsyncIterator[Served]:
    """Listen on a free port while the block runs; bodies may have 20 MB unless limits say."""
    application = HoldingApplication()
    tls = over.get()
    limits = limits or Limits(body_bytes=20_000_000)
    contexts = None if tls is None else tls.server
    listener = Listener(application, limits, contexts, observer=observer)
    await listener.bind_tcp("127.0.0.1", 0)
    served = Served(listener, application)
    try:
        yield served
    finally:
        for client in served.clients:
            client.writer.transport.abort()
            with contextlib.suppress(OSError):
                await client.writer.wait_closed()
        listener.stop_accepting()
        listener.abort()
        await listener.wait_closed()
