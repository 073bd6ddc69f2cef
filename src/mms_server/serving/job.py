"""One request on its way through the core."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mms import wire
from mms_server.errors import MMSError


class Input:
    """One named value given to a model; its chunks are never joined in the front end.

    Its content type is empty where the client stated none; `size_bytes` is that of all chunks.
    `encoded` is what `wire.encode_parameter` makes of it, for who has that already.
    """

    __slots__ = ("chunks", "encoded", "name", "size_bytes")

    def __init__(
        self,
        name: bytes,
        content_type: bytes,
        size_bytes: int,
        chunks: Sequence[wire.Buffer],
        encoded: bytes = b"",
    ) -> None:
        self.name = name
        self.size_bytes = size_bytes
        self.chunks = chunks
        self.encoded = encoded or wire.encode_parameter(name, content_type, size_bytes)


class Sink(Protocol):
    """Where a job's answer goes; HTTP is one, and others will be.

    Exactly one of the two is called, once, unless the job was abandoned before. Loop thread only.
    """

    def answer(
        self, status: int, phrase: bytes, fields: bytes, body: Sequence[wire.Buffer]
    ) -> None:
        """Take the handler's answer: an HTTP-like status and phrase, fields, the body's chunks.

        The fields are one block, as `wire.join_fields` makes it.
        """

    def fail(self, error: MMSError) -> None:
        """Take the reason why there is none."""


class HandlerError(MMSError):
    """The handler failed, and says itself with which status the client is to be told."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Job:
    """One request to one model.

    Pending until it is settled: answered, or abandoned by its client. Times are the loop's clock,
    in seconds: `deadline` is when it must have begun.
    """

    __slots__ = (
        "arrived",
        "deadline",
        "fields",
        "inputs",
        "is_retry",
        "is_settled",
        "request_id",
        "sink",
        "size_bytes",
    )

    def __init__(
        self, request_id: bytes, fields: bytes, inputs: Sequence[Input], size_bytes: int, sink: Sink
    ) -> None:
        self.request_id = request_id
        self.fields = fields
        self.inputs = inputs
        self.size_bytes = size_bytes
        self.sink = sink
        self.arrived = 0.0
        self.deadline = 0.0
        self.is_retry = False
        self.is_settled = False
