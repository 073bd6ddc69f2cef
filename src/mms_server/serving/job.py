"""One request on its way through the core."""

from __future__ import annotations

from typing import Protocol

from mms import wire
from mms_server.errors import MMSError


class Sink(Protocol):
    """Where a job's answer goes; HTTP is one, and others will be.

    Exactly one of the two is called, once, unless the job was abandoned before. Loop thread only.
    """

    def answer(self, status: int, phrase: bytes, fields: bytes, body: list[wire.Buffer]) -> None:
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

    `values` are the chunks of its inputs, in the order of the head's parameters; they are never
    joined in the front end. Pending until it is settled: answered, or abandoned by its client.
    Times are the loop's clock, in seconds: `deadline` is when it must have begun.
    """

    __slots__ = (
        "arrived",
        "deadline",
        "head",
        "is_retry",
        "is_settled",
        "request_id",
        "sink",
        "size_bytes",
        "values",
    )

    def __init__(
        self, request_id: bytes, head: wire.JobHead, values: list[wire.Buffer], sink: Sink
    ) -> None:
        self.request_id = request_id
        self.head = head
        self.values = values
        self.size_bytes = head.value_bytes
        self.sink = sink
        self.arrived = 0.0
        self.deadline = 0.0
        self.is_retry = False
        self.is_settled = False
