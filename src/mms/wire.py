"""What the front end and a worker say to each other: framed messages over a stream socket.

The only module that both sides import. A frame is a fixed header, a *meta* part and a *body*:

    version u8 | kind u8 | position u16 | meta bytes u32 | body bytes u64 | batch u64 | meta | body

All integers are big-endian. Control messages (HELLO, LOAD, ...) carry JSON in the meta part. The
two of the request path, PREDICT and RESULT, are packed structs, and their bodies are the values
themselves, so that a large one is never copied into anything. Nothing is ever pickled.

A worker takes frames in order, so a batch is under way only when all before it are done. Times
cross as remaining milliseconds, since two machines share no clock.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any, Callable, Final, Tuple, Union

VERSION: Final = 1

Buffer = Union[bytes, bytearray]

# Kinds of frames. The front end sends LOAD, PREDICT, FORK and DRAIN; the rest come from a worker.
HELLO: Final = 1
"""First frame of a worker: `pid`, `python`, `capabilities`."""
LOAD: Final = 2
"""What to serve: see `mms.worker.main`."""
LOADED: Final = 3
"""The model answered its load: `error` is null, or has `kind`, `text` and `traceback`."""
PREDICT: Final = 4
"""A batch; `position` is the number of jobs in it."""
RESULT: Final = 5
"""The answer to the job at `position` in its batch."""
METRICS: Final = 6
"""Lines of custom metrics, as text in the meta part, separated by line feeds."""
DRAIN: Final = 7
"""Finish what was sent before this, say BYE, end."""
BYE: Final = 8
"""Last frame of a worker that ends on purpose."""
FORK: Final = 9
"""To a template: make a worker out of yourself; its link and page come as file descriptors."""
FORKED: Final = 10
"""From a template: `pid` of the new worker, or `error`, which says why there is none."""
EXITED: Final = 11
"""From a template: worker `pid` ended with `status`, as `os.waitpid` reports it."""

# Outcomes of a job.
ANSWERED: Final = 0
"""The handler's answer, whatever HTTP status it chose."""
FAILED: Final = 1
"""The handler failed; status and message (the body) are for the client."""
REFUSED: Final = 2
"""The input cannot be decoded: the client's error."""
EXPIRED: Final = 3
"""Its time was up before its batch began; it was not run."""

NO_DEADLINE: Final = 0xFFFFFFFF

HEADER: Final = struct.Struct("!BBHIQQ")
# Clients choose how many parameters there are and how long their names: no width that a request
# within the limits of the front end could overflow.
_JOB: Final = struct.Struct("!IBII")  # remaining ms, id bytes, parameters, fields bytes
# The two in three parts: only the one in the middle differs between jobs with equal heads.
_LONE_OPENING: Final = struct.Struct(HEADER.format[:-1])
_LONE_MIDDLE: Final = struct.Struct(f"!{HEADER.format[-1]}{_JOB.format[1]}")
_LONE_SIZES: Final = struct.Struct(f"!{_JOB.format[2:]}")
_PARAMETER: Final = struct.Struct("!IHQ")  # name bytes, type bytes, value bytes
# outcome, is last, status, phrase bytes, fields bytes, busy us
_RESULT: Final = struct.Struct("!BBHIII")
_WHOLE_RESULT: Final = struct.Struct(f"{HEADER.format}{_RESULT.format[1:]}")

# Looked up once: to find a method and bind it costs as much as what it does. And with the types of
# what they return, a compiler need not treat it as anything that might come.
_pack_header: Final = HEADER.pack
unpack_header: Final[Callable[[bytes, int], tuple[int, int, int, int, int, int]]] = (
    HEADER.unpack_from
)
_pack_job: Final = _JOB.pack
_unpack_job: Final[Callable[[bytes, int], tuple[int, int, int, int]]] = _JOB.unpack_from
_pack_lone_middle: Final[Callable[[int, int], bytes]] = _LONE_MIDDLE.pack
_pack_parameter: Final = _PARAMETER.pack
_unpack_parameter: Final[Callable[[bytes, int], tuple[int, int, int]]] = _PARAMETER.unpack_from
_pack_result: Final[Callable[..., bytes]] = _WHOLE_RESULT.pack
_unpack_result: Final[Callable[[bytes], tuple[int, int, int, int, int, int]]] = _RESULT.unpack_from
HEADER_BYTES: Final = 24
_JOB_BYTES: Final = 13
_PARAMETER_BYTES: Final = 14
_RESULT_BYTES: Final = 16

SEND_BUFFER_BYTES: Final = 1024 * 1024
"""What each end asks the kernel to hold of what it sends (socket(7), SO_SNDBUF).

It gets twice the lesser of this and `net.core.wmem_max`. A large body goes over the link in so many
turns of both processes as it has buffers; by default one holds 208 KiB.
"""

MAX_META_BYTES: Final = 64 * 1024 * 1024
SEPARATOR: Final = b"\x00"
"""Between names and values of header fields. HTTP allows it in neither (RFC 9110 section 5.5)."""

PAGE_BYTES: Final = 4096
"""Size of the page of memory that a local worker shares with the front end."""
PAGE_BEGUN: Final = 0
"""Word of that page with the number of the last batch that has begun: u64 in native order.

Written before each call without a system call; read after a death, to know exactly which batches
had begun. 0 before the first.
"""
PAGE_WITHDRAWN: Final = 1
"""Word with the number of the last batch that the front end has taken back.

The worker looks at it after it has written `PAGE_BEGUN`, the front end at `PAGE_BEGUN` after it
has written this one, so that a batch is not both run and taken back.
"""
PAGE_UNSENT: Final = 2
"""Word with how many bytes of RESULT and METRICS frames stand at `PAGE_OUTBOX`, to be sent yet.

They are the answers to batches before the one that has begun. After a death the front end takes
them from there, and before one when the batch that has begun takes long. Frames that it has taken
so may come over the socket all the same.
"""
PAGE_OUTBOX: Final = 24
"""Where those frames stand, in bytes from the page's beginning."""
OUTBOX_BYTES: Final = PAGE_BYTES - PAGE_OUTBOX
"""How many bytes of them there may be."""


class WireError(Exception):
    """The other side does not speak this protocol, or not this version of it."""


class Frame:
    """One message; `body` is in chunks as they came."""

    __slots__ = ("batch", "body", "kind", "meta", "position")

    def __init__(
        self, kind: int, position: int, batch: int, meta: bytes, body: list[Buffer]
    ) -> None:
        self.kind = kind
        self.position = position
        self.batch = batch
        self.meta = meta
        self.body = body


Parameter = Tuple[str, str, Buffer]
"""One named input of a job: its name, its content type, empty where none was stated, its value."""


class JobMessage:
    """One job of a batch, as the worker sees it; `fields` is decoded by `split_fields`."""

    __slots__ = ("fields", "parameters", "remaining_ms", "request_id")

    def __init__(
        self, request_id: str, remaining_ms: int, fields: bytes, parameters: list[Parameter]
    ) -> None:
        self.request_id = request_id
        self.remaining_ms = remaining_ms
        self.fields = fields
        self.parameters = parameters

    def let_go(self) -> None:
        """Keep the names and types of the parameters, not their values."""
        self.parameters = [(name, content_type, b"") for name, content_type, _ in self.parameters]


class JobHead:
    """What one job says besides its values, or many that differ in nothing but id and time.

    `fields` is as `join_fields` makes it, `parameters` are as `encode_parameter` makes them, in the
    order of the values, which are `value_bytes` together.
    """

    __slots__ = (
        "_closing",
        "_count",
        "_fields_bytes",
        "_id_bytes",
        "_opening",
        "_sizes",
        "value_bytes",
    )

    def __init__(self, fields: bytes, parameters: Sequence[bytes], value_bytes: int) -> None:
        self.value_bytes = value_bytes
        self._count = len(parameters)
        self._fields_bytes = len(fields)
        self._closing = b"".join((fields, *parameters))
        self._id_bytes = -1
        self._opening = self._sizes = b""

    def encode(self, request_id: bytes, remaining_ms: int) -> bytes:
        """Encode the job's part of a PREDICT meta."""
        sizes = _pack_job(remaining_ms, len(request_id), self._count, self._fields_bytes)
        return b"".join((sizes, request_id, self._closing))

    def encode_alone(self, batch: int, request_id: bytes, remaining_ms: int) -> list[Buffer]:
        """Encode header and meta of a PREDICT of this job alone; its values follow them.

        In pieces of the same bytes as `encode` and `encode_predict_head` make.
        """
        if len(request_id) != self._id_bytes:
            self._prepare(len(request_id))
        return [
            self._opening,
            _pack_lone_middle(batch, remaining_ms),
            self._sizes,
            request_id,
            self._closing,
        ]

    def _prepare(self, id_bytes: int) -> None:
        meta_bytes = _JOB_BYTES + id_bytes + len(self._closing)
        self._id_bytes = id_bytes
        self._opening = _LONE_OPENING.pack(VERSION, PREDICT, 1, meta_bytes, self.value_bytes)
        self._sizes = _LONE_SIZES.pack(id_bytes, self._count, self._fields_bytes)


def join_fields(fields: Sequence[bytes]) -> bytes:
    """Join names and values, in turn, into the opaque block that `split_fields` reads.

    Raises ValueError when one of them holds the separator.
    """
    block = SEPARATOR.join(fields)
    if fields and block.count(SEPARATOR) != len(fields) - 1:
        raise ValueError("a header field holds NUL")
    return block


def split_fields(block: bytes) -> list[tuple[str, str]]:
    """Split a block into names and values, decoded as latin-1, which loses nothing."""
    if not block:
        return []
    parts = block.decode("latin-1").split("\x00")
    return list(zip(parts[::2], parts[1::2]))


def encode(kind: int, meta: bytes = b"") -> bytes:
    """Encode a frame without body."""
    return _pack_header(VERSION, kind, 0, len(meta), 0, 0) + meta


def encode_json(kind: int, message: dict[str, Any]) -> bytes:
    """Encode a control message."""
    return encode(kind, json.dumps(message).encode())


def decode_json(meta: bytes) -> dict[str, Any]:
    """Decode the meta part of a control message. Raises WireError."""
    try:
        message = json.loads(meta)
    except ValueError as exc:
        raise WireError("a control message is not JSON") from exc
    if not isinstance(message, dict):
        raise WireError("a control message is not a JSON object")
    return message


def encode_parameter(name: bytes, content_type: bytes, value_bytes: int) -> bytes:
    """Encode one parameter's part of a job: its name, its type, the size of its value."""
    return _pack_parameter(len(name), len(content_type), value_bytes) + name + content_type


def encode_predict_head(batch: int, jobs: Sequence[bytes], body_bytes: int) -> bytes:
    """Encode header and meta of a PREDICT; the values of all parameters follow it, in order.

    `jobs` are as `JobHead.encode` makes them.
    """
    meta = b"".join(jobs)
    return _pack_header(VERSION, PREDICT, len(jobs), len(meta), body_bytes, batch) + meta


def decode_predict(count: int, meta: bytes, body: Buffer) -> list[JobMessage]:
    """Decode a batch; values are slices of `body`, or `body` itself where it is one value.

    No two values share memory: handlers may write to them. Raises WireError.
    """
    try:
        return _decode_jobs(count, meta, body)
    except (struct.error, UnicodeDecodeError) as exc:
        raise WireError(f"a batch of {count} jobs cannot be decoded: {exc}") from exc


def _decode_jobs(count: int, meta: bytes, body: Buffer) -> list[JobMessage]:
    jobs = []
    at = start = 0
    for _ in range(count):
        remaining_ms, id_bytes, parameter_count, fields_bytes = _unpack_job(meta, at)
        at += _JOB_BYTES
        request_id = meta[at : at + id_bytes].decode()
        at += id_bytes
        fields = meta[at : at + fields_bytes]
        at += fields_bytes
        parameters = []
        for _ in range(parameter_count):
            name_bytes, type_bytes, value_bytes = _unpack_parameter(meta, at)
            at += _PARAMETER_BYTES
            name = meta[at : at + name_bytes].decode()
            at += name_bytes
            content_type = meta[at : at + type_bytes].decode("latin-1")
            at += type_bytes
            is_whole = value_bytes and value_bytes == len(body)
            value = body if is_whole else body[start : start + value_bytes]
            start += value_bytes
            parameters.append((name, content_type, value))
        jobs.append(JobMessage(request_id, remaining_ms, fields, parameters))
    return jobs


def encode_result_head(
    batch: int,
    position: int,
    outcome: int,
    status: int,
    phrase: bytes,
    fields: bytes,
    busy_us: int,
    is_last: bool,
    body_bytes: int,
) -> bytes:
    """Encode header and meta of a RESULT; the body follows it.

    `busy_us` is the time that the worker spent on the batch, the same in each of its results;
    `is_last` marks the batch's last result; `fields` are as `join_fields` makes them.
    """
    phrase_bytes, fields_bytes = len(phrase), len(fields)
    meta_bytes = _RESULT_BYTES + phrase_bytes + fields_bytes
    head = _pack_result(
        VERSION,
        RESULT,
        position,
        meta_bytes,
        body_bytes,
        batch,
        outcome,
        is_last,
        status,
        phrase_bytes,
        fields_bytes,
        busy_us,
    )
    return head + phrase + fields if phrase_bytes or fields_bytes else head


def decode_result(meta: bytes) -> tuple[int, int, bytes, bytes, int, bool]:
    """Decode the meta part of a RESULT: outcome, status, phrase, fields, busy_us, is_last.

    A tuple, since a compiler makes no object of it. Raises WireError.
    """
    try:
        outcome, is_last, status, phrase_bytes, fields_bytes, busy_us = _unpack_result(meta)
    except struct.error as exc:
        raise WireError(f"a result cannot be decoded: {exc}") from exc
    if not phrase_bytes and not fields_bytes:
        return outcome, status, b"", b"", busy_us, bool(is_last)
    start = _RESULT_BYTES + phrase_bytes
    phrase, fields = meta[_RESULT_BYTES:start], meta[start : start + fields_bytes]
    return outcome, status, phrase, fields, busy_us, bool(is_last)
