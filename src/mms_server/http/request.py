"""One request as it came over the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from urllib.parse import unquote_to_bytes

from mms_server.errors import BadRequestError
from mms_server.http.head import Head

_SMALL_BYTES = 512
"""Chunks below this are joined: each costs an object, and a client may send them by the million."""

Chunk = bytes | bytearray
"""A piece of a body."""

_HEX = frozenset(b"0123456789abcdefABCDEF")


class Consumer(Protocol):
    """What takes a body piece by piece, in place of keeping it."""

    def feed(self, chunk: bytes) -> None:
        """Take the next piece. Raises BadRequestError for a body that is wrong."""


class Request:
    """A request: complete, or with its body still arriving.

    `body` holds the chunks of the body in order; only small ones are joined here. A `consumer`,
    once set, is given the chunks in their place.
    """

    __slots__ = ("body", "body_bytes", "consumer", "head", "is_complete")

    def __init__(self, head: Head, body: list[Chunk], body_bytes: int = 0) -> None:
        self.head = head
        self.body = body
        self.body_bytes = body_bytes
        self.consumer: Consumer | None = None
        self.is_complete = False

    def receive(self, chunk: bytes) -> None:
        """Take the next piece of the body."""
        self.body_bytes += len(chunk)
        if self.consumer is not None:
            self.consumer.feed(chunk)
        elif len(chunk) < _SMALL_BYTES and self.body and len(self.body[-1]) < _SMALL_BYTES:
            self.body[-1] += chunk
        else:
            self.body.append(chunk)

    def receive_rest(self, chunks: Sequence[Chunk]) -> None:
        """Take all the rest of the body."""
        self.body += chunks
        self.body_bytes += sum(map(len, chunks))


def percent_unescape(text: bytes) -> bytes:
    """Replace percent-escapes by the octets they stand for (RFC 3986 section 2.1).

    Raises BadRequestError for an escape that is not two hexadecimal digits.
    """
    if b"%" not in text:
        return text
    for escape in text.split(b"%")[1:]:
        if len(escape) < 2 or escape[0] not in _HEX or escape[1] not in _HEX:
            raise BadRequestError(
                f"Malformed percent-escape %{escape[:2].decode('latin-1')}: "
                "two hexadecimal digits are expected after each %."
            )
    return unquote_to_bytes(text)


def percent_decode(text: bytes) -> str:
    """Replace percent-escapes and decode as UTF-8. Raises BadRequestError where that fails."""
    try:
        return percent_unescape(text).decode()
    except UnicodeDecodeError as exc:
        raise BadRequestError(f"Percent-decoded text is not UTF-8: {exc}.") from exc
