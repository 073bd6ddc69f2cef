"""The least that a Python server can do with a body: uvloop reads it, joins it, and answers.

No queue, hardly any HTTP: it trusts its one client. `python bare.py PORT` answers by itself. With
`--two-hop` a second process joins the bodies and answers them, and this one passes both on as they
come: what any server must spend that keeps models in other processes.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import os
import re
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import cast

import uvloop

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_ANSWER = re.compile(rb"x-answer-bytes: (\d+)", re.IGNORECASE)
_HEAD_END = b"\r\n\r\n"
_SIZES = struct.Struct("!QQ")
_SEND_BUFFER_BYTES = 1024 * 1024
_OK = b"OK"

Submit = Callable[[list[bytes], int, asyncio.WriteTransport], None]
"""Takes a whole body in pieces, how many bytes are asked for, and where they go."""


class Bare(asyncio.Protocol):
    """One connection: a request at a time, of which the head comes in one piece."""

    _transport: asyncio.WriteTransport

    def __init__(self, submit: Submit) -> None:
        self._submit = submit
        self._chunks: list[bytes] = []
        self._missing_bytes = 0
        self._answer_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        """Collect the body; hand it on when it is whole."""
        if not self._missing_bytes:
            head, _, data = data.partition(_HEAD_END)
            self._missing_bytes = _number(_LENGTH, head)
            self._answer_bytes = _number(_ANSWER, head)
        self._chunks.append(data)
        self._missing_bytes -= len(data)
        if not self._missing_bytes:
            chunks, self._chunks = self._chunks, []
            self._submit(chunks, self._answer_bytes, self._transport)


class Hop(asyncio.Protocol):
    """The front end's side of the socket pair: bodies out, answers back in the same order."""

    _transport: asyncio.WriteTransport

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, asyncio.WriteTransport]] = deque()
        self._missing_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def submit(
        self, chunks: list[bytes], answer_bytes: int, client: asyncio.WriteTransport
    ) -> None:
        """Send a body to the other process, as it came."""
        self._waiting.append((answer_bytes or len(_OK), client))
        self._transport.writelines([_SIZES.pack(sum(map(len, chunks)), answer_bytes), *chunks])

    def data_received(self, data: bytes) -> None:
        """Pass on what there is of the answers."""
        rest = memoryview(data)
        while rest:
            size_bytes, client = self._waiting[0]
            if not self._missing_bytes:
                client.write(_head(size_bytes))
                self._missing_bytes = size_bytes
            part = rest[: self._missing_bytes]
            client.write(part)
            self._missing_bytes -= len(part)
            rest = rest[len(part) :]
            if not self._missing_bytes:
                self._waiting.popleft()


def answer(chunks: list[bytes], answer_bytes: int, client: asyncio.WriteTransport) -> None:
    """Join a body and answer it here."""
    made = _answer(b"".join(chunks), answer_bytes)
    client.writelines([_head(len(made)), made])


def answer_all(sock: socket.socket) -> None:
    """Join bodies and answer them, until the other process is gone."""
    while sizes := sock.recv(_SIZES.size, socket.MSG_WAITALL):
        body_bytes, answer_bytes = _SIZES.unpack(sizes)
        body = bytearray(body_bytes)
        view = memoryview(body)
        while view:
            view = view[sock.recv_into(view) :]
        sock.sendall(_answer(body, answer_bytes))


def _answer(body: bytes | bytearray, size_bytes: int) -> bytes | bytearray:
    return body if size_bytes == len(body) else _made(size_bytes)


def _head(size_bytes: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size_bytes


def _number(pattern: re.Pattern[bytes], head: bytes) -> int:
    found = pattern.search(head)
    return int(found[1]) if found else 0


@functools.lru_cache(maxsize=1)
def _made(size_bytes: int) -> bytes:
    return b"x" * size_bytes if size_bytes else _OK


async def _serve(port: int, hop: socket.socket | None) -> None:
    loop = asyncio.get_running_loop()
    submit: Submit = answer
    if hop is not None:
        _, protocol = await loop.create_connection(Hop, sock=hop)
        submit = protocol.submit
    server = await loop.create_server(lambda: Bare(submit), "127.0.0.1", port)
    await server.serve_forever()


def _fork() -> socket.socket:
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    if os.fork() == 0:
        ours.close()
        answer_all(theirs)
        os._exit(0)
    theirs.close()
    return ours


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--two-hop", action="store_true")
    options = parser.parse_args()
    uvloop.run(_serve(options.port, _fork() if options.two_hop else None))
