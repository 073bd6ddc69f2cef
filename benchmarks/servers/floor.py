"""What the limits `bare` and `two-hop` run: a server of a hundred lines that checks nothing.

`python floor.py PORT` reads each request with uvloop and httptools and answers it there and then.
`python floor.py PORT --two-hop` sends each body through a socket pair to a second process, which
sends it back, and answers then: what any server must spend that keeps models in other processes.
This file is run by its path and imports nothing of the benchmarks.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from typing import cast

import httptools
import uvloop

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nOK"
_LENGTH = struct.Struct("!I")
_BLOCK_BYTES = 256 * 1024

Submit = Callable[[bytes, asyncio.WriteTransport], None]
"""Takes a request's body, and where its answer goes."""


class Connection(asyncio.Protocol):
    """One client's connection; its callbacks are those of httptools, too."""

    _transport: asyncio.WriteTransport

    def __init__(self, submit: Submit) -> None:
        self._submit = submit
        self._body: list[bytes] = []
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        """Parse; the callbacks below are called meanwhile."""
        self._parser.feed_data(data)

    def on_body(self, chunk: bytes) -> None:
        """Keep a part of the body."""
        self._body.append(chunk)

    def on_message_complete(self) -> None:
        """Hand the whole body on."""
        body = b"".join(self._body)
        self._body.clear()
        self._submit(body, self._transport)


class Hop(asyncio.Protocol):
    """The front end's side of the socket pair: bodies out, bodies back in the same order."""

    _transport: asyncio.WriteTransport

    def __init__(self) -> None:
        self._waiting: deque[asyncio.WriteTransport] = deque()
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's is none by its class

    def submit(self, body: bytes, client: asyncio.WriteTransport) -> None:
        """Send a body to the other process."""
        self._waiting.append(client)
        self._transport.write(_LENGTH.pack(len(body)) + body)

    def data_received(self, data: bytes) -> None:
        """Answer the client of each body that is back in full."""
        received = self._received
        received += data
        start = 0
        while len(received) - start >= _LENGTH.size:
            end = start + _LENGTH.size + _LENGTH.unpack_from(received, start)[0]
            if end > len(received):
                break
            answer(b"", self._waiting.popleft())
            start = end
        del received[:start]


def answer(_body: bytes, client: asyncio.WriteTransport) -> None:
    """Send the constant answer, unless the client is gone: uvloop would raise."""
    if not client.is_closing():
        client.write(_ANSWER)


def echo(ours: socket.socket) -> None:
    """Send back whatever comes, until the other process is gone."""
    while data := ours.recv(_BLOCK_BYTES):
        ours.sendall(data)


async def serve(port: int, hop: socket.socket | None) -> None:
    """Serve on loopback until the process is ended."""
    loop = asyncio.get_running_loop()
    submit: Submit = answer
    if hop is not None:
        _, protocol = await loop.create_connection(Hop, sock=hop)
        submit = protocol.submit
    server = await loop.create_server(lambda: Connection(submit), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


def main(arguments: Sequence[str] | None = None) -> None:
    """Start the second process, if one is asked for, and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--two-hop", action="store_true")
    options = parser.parse_args(arguments)
    hop = _fork_echo() if options.two_hop else None
    uvloop.run(serve(options.port, hop))


def _fork_echo() -> socket.socket:
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        echo(theirs)
        os._exit(0)
    theirs.close()
    return ours


if __name__ == "__main__":
    main()
