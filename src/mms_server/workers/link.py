"""The front end's end of one worker's link: bytes to frames, frames to bytes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from mms import wire
from mms_server.receiver import LARGE_BYTES, Receiver
from mms_server.workers.frame_reader import FrameReader

logger = logging.getLogger("mms_server.workers")

_JOIN_BYTES: Final = 64 * 1024
_READ_BYTES: Final = 256 * 1024


class Link(asyncio.Protocol):
    """Frames over the connected socket shared with one worker. Loop thread only.

    Each RESULT goes to `on_result` and any other frame to `on_frame`, within the call that read it.
    `closed` resolves when the worker's end is closed and all that it had sent has been handed over,
    and not before: what a dying worker managed to answer counts as answered.
    """

    def __init__(
        self,
        sock: socket.socket,
        on_result: Callable[[wire.Frame], None],
        on_frame: Callable[[wire.Frame], None],
    ) -> None:
        self.takes_work = False
        """Whether batches may be sent."""
        self.outstanding_batches = 0
        """How many were sent of which the last result has not come."""
        self._socket = sock
        self._on_result = on_result
        self._on_frame = on_frame
        self._reader = FrameReader()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._gathered: list[wire.Buffer] = []
        self._is_flush_due = False
        self._is_broken = False
        self._receiver: Receiver | None = None
        self.closed: asyncio.Future[None] = self._loop.create_future()

    async def connect(self) -> None:
        """Take over the socket; frames may come before this returns."""
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, wire.SEND_BUFFER_BYTES)
        # The transport gets a descriptor of its own: when it fails in writing to a dead worker it
        # closes it, and with it would go the answers that have not been read.
        await self._loop.create_unix_connection(lambda: self, sock=self._socket.dup())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are that by shape only

    def data_received(self, data: bytes) -> None:
        """Hand over each frame that is whole."""
        try:
            for frame in self._reader.feed(data):
                self._hand_over(frame)
        except wire.WireError as exc:
            self._let_go(exc)
            return
        missing_bytes = self._reader.missing_bytes
        if missing_bytes >= LARGE_BYTES and self._transport is not None:
            self._receiver = Receiver(self._transport, self, missing_bytes)
            self._receiver.begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Read what is left, then tell whoever waits for the end."""
        self._transport = None
        if self._receiver is not None:
            for piece in self._receiver.end():
                self._reader.feed(bytes(piece))
            self._receiver = None
        with contextlib.suppress(OSError):  # nothing left, or the end
            while not self._is_broken and (data := self._socket.recv(_READ_BYTES)):
                self.data_received(data)
        self._socket.close()
        if not self.closed.done():
            self.closed.set_result(None)

    def body_progressed(self) -> None:
        """Do nothing: a worker's clock is that of its answer."""

    def body_received(self, pieces: list[bytearray]) -> None:
        """Hand over a frame with a large body (`mms_server.receiver.Relieved`)."""
        self._receiver = None
        try:
            self._hand_over(self._reader.receive_rest(pieces))
        except wire.WireError as exc:
            self._let_go(exc)

    def _hand_over(self, frame: wire.Frame) -> None:
        if frame.kind == wire.RESULT:
            self._on_result(frame)
        else:
            self._on_frame(frame)

    def send(self, frame: bytes) -> None:
        """Send a control message, behind everything sent before."""
        self._gathered.append(frame)
        self._flush()

    def send_batch(self, buffers: Sequence[wire.Buffer]) -> None:
        """Send a batch: at once, or with what else this turn of the loop brings.

        A worker that has something to do loses nothing when its next batches come together, and
        the front end saves a system call for each.
        """
        self._gathered += buffers
        self.outstanding_batches += 1
        if self.outstanding_batches == 1:
            self._flush()
        elif not self._is_flush_due:
            self._is_flush_due = True
            self._loop.call_soon(self._flush)

    def batch_done(self) -> None:
        """Hear that a batch has had its last result."""
        self.outstanding_batches -= 1

    def _flush(self) -> None:
        self._is_flush_due = False
        buffers, self._gathered = self._gathered, []
        if self._transport is None or self._transport.is_closing() or not buffers:
            return
        size_bytes = 0
        for buffer in buffers:
            size_bytes += len(buffer)
        if size_bytes <= _JOIN_BYTES:
            self._transport.write(b"".join(buffers))
        else:
            self._transport.writelines(buffers)

    def _let_go(self, error: wire.WireError) -> None:
        logger.error("A worker is let go: %s", error)
        self._is_broken = True  # where its next frame begins, nobody knows
        self.close()

    def close(self) -> None:
        """Close our end; the worker takes it as the order to end."""
        if self._transport is not None:
            self._transport.close()


def load_error(message: dict[str, Any]) -> dict[str, Any] | None:
    """Take the error out of a LOADED."""
    error = message.get("error")
    return error if isinstance(error, dict) else None
