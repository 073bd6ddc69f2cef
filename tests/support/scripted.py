"""A server that treats each connection as a test tells it to."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nOK"

Treat = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Deals with one connection, which is closed when it returns."""


@dataclass
class Scripted:
    """Where it listens, and how many requests each connection has brought, in order of opening."""

    url: str = ""
    requests: list[int] = field(default_factory=list)


@asynccontextmanager
async def scripted(treat: Treat, port: int = 0) -> AsyncIterator[Scripted]:
    """Serve on loopback while the block runs."""
    seen = Scripted()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await treat(reader, writer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", port) as server:
        seen.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        yield seen


async def read_request(reader: asyncio.StreamReader) -> None:
    """Read the head of a request that has no body."""
    await reader.readuntil(b"\r\n\r\n")


def answering(answer: bytes, *, then_close: bool = False) -> Treat:
    """Give every request the same answer."""

    async def treat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(answer)
            if then_close:
                return

    return treat


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Read, and answer nothing."""
    while await reader.read(1000):
        pass


async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Cut the connection when a request comes."""
    await read_request(reader)
    at_once = struct.pack("ii", 1, 0)  # RST in place of FIN; see SO_LINGER in socket(7)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
