"""Takes a known number of bytes off a transport, straight into the buffers that will hold them.

A protocol is otherwise given pieces that the event loop has read into a buffer of its own and
copied from there, 256 KB at most at a time. For a large body that is a copy too many, and the
parser, which has nothing to find in it, would look at each piece.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol, cast

from mms import allocation

LARGE_BYTES: Final = 256 * 1024
"""What is missing of a body from which on it is received so: less comes in one read or two."""

_FIRST_BYTES: Final = 64 * 1024
_LARGEST_BYTES: Final = 1024 * 1024
"""Buffers grow with what has come, between these: announcing much takes no memory, sending does."""


class Relieved(Protocol):
    """The protocol whose place a receiver takes for a while."""

    def body_progressed(self) -> None:
        """More of the body has come."""

    def body_received(self, pieces: list[bytearray]) -> None:
        """The body is whole, and the transport this protocol's again."""

    def eof_received(self) -> bool | None:
        """See `asyncio.Protocol`; the body will not become whole."""

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`; the body will not become whole."""

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""


class Receiver(asyncio.BufferedProtocol):
    """Receives `missing_bytes` in place of `relieved`; loop thread only.

    The transport is the receiver's from `begin` to `end`, which it calls itself when all has come.
    """

    def __init__(
        self, transport: asyncio.Transport, relieved: Relieved, missing_bytes: int
    ) -> None:
        self._transport = transport
        self._relieved = relieved
        self._missing_bytes = missing_bytes
        self._pieces: list[bytearray] = []
        self._received_bytes = 0
        self._piece = bytearray()
        self._filled_bytes = 0

    def begin(self) -> None:
        """Take the transport over."""
        self._transport.set_protocol(self)

    def end(self) -> list[bytearray]:
        """Give the transport back, whether all has come or not; returns what has."""
        self._transport.set_protocol(cast(asyncio.BaseProtocol, self._relieved))
        if self._filled_bytes:
            self._pieces.append(self._piece[: self._filled_bytes])
        # uvloop's transport goes on to refer to this receiver: it must not to the body.
        pieces, self._pieces, self._piece = self._pieces, [], bytearray()
        return pieces

    def get_buffer(self, sizehint: int) -> memoryview:
        """Say where the next bytes go."""
        if self._filled_bytes == len(self._piece):
            size_bytes = min(max(self._received_bytes, _FIRST_BYTES), _LARGEST_BYTES)
            self._piece = allocation.unfilled(min(size_bytes, self._missing_bytes))
            self._filled_bytes = 0
        return memoryview(self._piece)[self._filled_bytes :]

    def buffer_updated(self, nbytes: int) -> None:
        """Count what has come into the buffer."""
        self._filled_bytes += nbytes
        self._received_bytes += nbytes
        self._missing_bytes -= nbytes
        if self._filled_bytes == len(self._piece):
            self._pieces.append(self._piece)
            self._piece = bytearray()
            self._filled_bytes = 0
        if self._missing_bytes:
            self._relieved.body_progressed()
        else:
            self._relieved.body_received(self.end())

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self._relieved.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on."""
        self._relieved.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass it on."""
        self._relieved.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._relieved.resume_writing()
