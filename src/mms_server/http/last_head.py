"""Requests whose header section is, byte for byte, that of the one before.

Clients that keep a connection open send the same head again and again, and parsing it is most of
what HTTP costs (`python -m benchmarks.profile`). The same bytes read from the same state mean the
same, so they are not parsed a second time. Sans-IO; one for each connection.
"""

from __future__ import annotations

from typing import Final

from mms_server.http.head import Head
from mms_server.http.known_heads import KnownHeads
from mms_server.http.request import Request

_HEAD_END: Final = b"\r\n\r\n"
_LIMIT_BYTES: Final = 2048
"""Longer heads are not kept: ten thousand idle connections shall not hold them all."""


class LastHead:
    """The head of the last request that came whole, alone, and in one read."""

    __slots__ = ("_bytes", "_head", "_known_heads", "_size_bytes")

    def __init__(self, known_heads: KnownHeads) -> None:
        self._known_heads = known_heads
        self._bytes = b""
        self._size_bytes = -1
        self._head: Head | None = None

    def learn(self, data: bytes, request: Request) -> None:
        """Keep the head of a complete request that was all that `data` held.

        The caller knows that it began and ended with `data`, on a connection that goes on, and
        that its body was not chunked. Blank lines behind it, which a parser passes over, are seen
        here: head and body do not add up then.
        """
        head_bytes = data.find(_HEAD_END) + len(_HEAD_END)
        if head_bytes > _LIMIT_BYTES or head_bytes + request.body_bytes != len(data):
            return
        self._bytes, self._head = self._known_heads.share(data[:head_bytes], request.head)
        self._size_bytes = len(data)

    def read(self, data: bytes) -> Request | None:
        """Return the request that `data` holds if it repeats the head, with its own body."""
        if len(data) != self._size_bytes or not data.startswith(self._bytes):
            return None
        assert self._head is not None
        head_bytes = len(self._bytes)
        body_bytes = len(data) - head_bytes
        request = Request(self._head, [data[head_bytes:]] if body_bytes else [], body_bytes)
        request.is_complete = True
        return request
