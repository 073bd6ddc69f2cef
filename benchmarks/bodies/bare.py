"""The least that a Python server can do with a body: uvloop reads it, joins it, and answers.

No worker, no queue, hardly any HTTP: it trusts its one client. Run with a port.
"""

from __future__ import annotations

import asyncio
import functools
import re
import sys
from typing import cast

import uvloop

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_ANSWER = re.compile(rb"x-answer-bytes: (\d+)", re.IGNORECASE)
_HEAD_END = b"\r\n\r\n"


class Bare(asyncio.Protocol):
    """One connection: a request at a time, of which the head comes in one piece."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._missing_bytes = 0
        self._answer_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Collect the body; when it is whole, join it and answer."""
        if not self._missing_bytes:
            head, _, data = data.partition(_HEAD_END)
            self._missing_bytes = _number(_LENGTH, head)
            self._answer_bytes = _number(_ANSWER, head)
        self._chunks.append(data)
        self._missing_bytes -= len(data)
        if not self._missing_bytes:
            body = b"".join(self._chunks)
            self._chunks = []
            self._answer(body)

    def _answer(self, body: bytes) -> None:
        size_bytes = self._answer_bytes
        answer = body if size_bytes == len(body) else _made(size_bytes)
        head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(answer)
        self._transport.writelines([head, answer])


def _number(pattern: re.Pattern[bytes], head: bytes) -> int:
    found = pattern.search(head)
    return int(found[1]) if found else 0


@functools.lru_cache(maxsize=1)
def _made(size_bytes: int) -> bytes:
    return b"x" * size_bytes if size_bytes else b"OK"


async def _serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Bare, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
