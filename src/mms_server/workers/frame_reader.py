"""Bytes of a worker's link to frames, in any split, without I/O."""

from __future__ import annotations

from mms import wire


class FrameReader:
    """Cuts a byte stream into frames, in any split, without I/O.

    What comes in several pieces is joined once, and a body not at all: no quadratic growth. Of no
    use after a WireError. `missing_bytes` is how much of a body that has begun is still to come.
    """

    __slots__ = ("_body", "_header", "_meta", "_tail", "_tail_bytes", "_wanted", "missing_bytes")

    def __init__(self) -> None:
        # The pieces of a frame whose meta part is not complete, and how many bytes to wait for.
        self._tail: list[bytes] = []
        self._tail_bytes = self._wanted = 0
        # A frame of whose body some bytes are missing.
        self._header = (0, 0, 0)
        self._meta = b""
        self._body: list[wire.Buffer] = []
        self.missing_bytes = 0

    def feed(self, data: bytes) -> list[wire.Frame]:
        """Take the next bytes, return the frames that they complete. Raises WireError."""
        frames: list[wire.Frame] = []
        if self.missing_bytes:
            if len(data) < self.missing_bytes:
                self._body.append(data)
                self.missing_bytes -= len(data)
                return frames
            cut, self.missing_bytes = self.missing_bytes, 0
            self._body.append(data[:cut])
            frames.append(self._end_body())
            data = data[cut:]
        if self._tail:
            self._tail.append(data)
            self._tail_bytes += len(data)
            if self._tail_bytes < self._wanted:
                return frames
            data = b"".join(self._tail)
            self._tail = []
        self._cut(data, frames)
        return frames

    def receive_rest(self, pieces: list[bytearray]) -> wire.Frame:
        """Take the missing bytes of a body, which were not fed; returns its frame."""
        self.missing_bytes = 0
        self._body += pieces
        return self._end_body()

    def _end_body(self) -> wire.Frame:
        body, self._body = self._body, []
        return wire.Frame(*self._header, self._meta, body)

    def _cut(self, data: bytes, frames: list[wire.Frame]) -> None:
        at, size = 0, len(data)
        wanted = wire.HEADER_BYTES
        while size - at >= wire.HEADER_BYTES:
            version, kind, position, meta_bytes, body_bytes, batch = wire.unpack_header(data, at)
            if version != wire.VERSION or meta_bytes > wire.MAX_META_BYTES:
                raise wire.WireError(
                    f"expected a frame of protocol version {wire.VERSION}, "
                    f"saw version {version} with {meta_bytes} bytes of meta"
                )
            body_at = at + wire.HEADER_BYTES + meta_bytes
            if body_at > size:
                wanted = body_at - at
                break
            meta = data[at + wire.HEADER_BYTES : body_at]
            at = body_at + body_bytes
            if at > size:
                self._header = (kind, position, batch)
                self._meta = meta
                self._body = [data[body_at:]] if body_at < size else []
                self.missing_bytes = at - size
                return
            body: list[wire.Buffer] = [data[body_at:at]] if body_bytes else []
            frames.append(wire.Frame(kind, position, batch, meta, body))
        if at < size:
            self._tail = [data[at:]]
            self._tail_bytes, self._wanted = size - at, wanted
