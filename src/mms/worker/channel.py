"""The worker's end of its link: whole frames in, replies out, over a blocking socket."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from typing import Final, Union

from mms import allocation, wire
from mms.worker.outbox import Outbox

_READ_BYTES: Final = 64 * 1024
"""Below malloc's threshold for mapping fresh memory on each read (glibc M_MMAP_THRESHOLD)."""
_LARGE_BYTES: Final = 64 * 1024

_GATHER_S: Final = 0.0002
"""Answers wait for each other while they took no more work than this. On two cores a handler that
does nothing was asked 1.13 to 1.15 times as often as with a system call for each answer, at 100
clients."""


Buffer = Union[bytes, memoryview]
"""What can be sent; a memoryview is one of single bytes."""


class Message:
    """A frame as the worker takes it: the body is one writable buffer of its own.

    `received_at` is `time.perf_counter()` when its last byte was read.
    """

    __slots__ = ("batch", "body", "kind", "meta", "position", "received_at")

    def __init__(
        self,
        kind: int,
        position: int,
        batch: int,
        meta: bytes,
        body: bytearray,
        received_at: float,
    ) -> None:
        self.kind = kind
        self.position = position
        self.batch = batch
        self.meta = meta
        self.body = body
        self.received_at = received_at


class Channel:
    """Frames over a connected stream socket, answers through an outbox; one thread only."""

    def __init__(self, sock: socket.socket, outbox: Outbox | None = None) -> None:
        self._socket = sock
        self._outbox = outbox
        self._gathered_s = 0.0
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, wire.SEND_BUFFER_BYTES)
        self._data = b""
        self._at = 0
        self._received_at = 0.0

    def receive(self) -> Message:
        """Wait for the next frame.

        Raises EOFError when the front end has closed the link, and wire.WireError.
        """
        while True:
            data, at = self._data, self._at
            have_bytes = len(data) - at
            if have_bytes >= wire.HEADER_BYTES:
                version, kind, position, meta_bytes, body_bytes, batch = wire.unpack_header(
                    data, at
                )
                if version != wire.VERSION:
                    raise wire.WireError(f"front end speaks protocol version {version}")
                meta_at = at + wire.HEADER_BYTES
                body_at = meta_at + meta_bytes
                end = body_at + body_bytes
                if end <= len(data):
                    self._at = end
                    return Message(
                        kind,
                        position,
                        batch,
                        data[meta_at:body_at],
                        bytearray(data[body_at:end]),
                        self._received_at,
                    )
                if body_at > len(data) and meta_bytes >= _LARGE_BYTES:
                    missing = self._read_exactly(allocation.unfilled(body_at - len(data)), 0)
                    self._data, self._at = data[at:] + missing, 0
                    continue
                if body_bytes >= _LARGE_BYTES and body_at <= len(data):
                    body = self._read_large(data, body_at, body_bytes)
                    meta = data[meta_at:body_at]
                    return Message(kind, position, batch, meta, body, self._received_at)
            self._read_more()

    def _read_more(self) -> None:
        self._flush()
        more = self._socket.recv(_READ_BYTES)
        if not more:
            raise EOFError("the front end closed the link")
        self._received_at = time.perf_counter()
        self._data = self._data[self._at :] + more if self._at < len(self._data) else more
        self._at = 0

    def _read_large(self, data: bytes, body_at: int, body_bytes: int) -> bytearray:
        """Read the rest of a large body straight into its own buffer."""
        body = allocation.unfilled(body_bytes)
        filled = len(data) - body_at
        body[:filled] = memoryview(data)[body_at:]
        self._data, self._at = b"", 0
        return self._read_exactly(body, filled)

    def _read_exactly(self, buffer: bytearray, filled: int) -> bytearray:
        """Read until the buffer is full."""
        with memoryview(buffer) as view:
            while filled < len(buffer):
                count = self._socket.recv_into(view[filled:])
                if not count:
                    raise EOFError("the front end closed the link")
                filled += count
        self._received_at = time.perf_counter()
        return buffer

    def answer(self, frames: Sequence[Buffer], took_s: float) -> None:
        """Send the answers to a batch that took so long, with those to the next ones perhaps.

        They wait while the next batch is here already and as long as `_GATHER_S` of work.
        """
        outbox = self._outbox
        if outbox is None or not outbox.put(frames):
            self.send(frames)
            return
        self._gathered_s += took_s
        if self._gathered_s >= _GATHER_S:
            self._flush()

    def _flush(self) -> None:
        outbox = self._outbox
        if outbox is not None and outbox.size_bytes:
            self._socket.sendall(outbox.frames)
            outbox.clear()
            self._gathered_s = 0.0

    def send(self, buffers: Sequence[Buffer]) -> None:
        """Send frames now, behind all answers."""
        self._flush()
        small: list[Buffer] = []
        for buffer in buffers:
            if len(buffer) < _LARGE_BYTES:
                small.append(buffer)
                continue
            self._socket.sendall(b"".join(small))
            self._socket.sendall(buffer)
            small = []
        if small:
            self._socket.sendall(b"".join(small))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
