"""Bytes to requests, without I/O: llhttp's strict grammar, our limits and framing rules around it.

Rules of this file: on any doubt about framing the message is refused, never repaired; every error
is final, since nothing after it can be trusted to start where it seems to start.
"""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Sequence

import httptools

from mms_server.errors import (
    BadRequestError,
    ExpectationFailedError,
    MMSError,
    PayloadTooLargeError,
)
from mms_server.http.head import Head
from mms_server.http.known_heads import KnownHeads
from mms_server.http.last_head import LastHead
from mms_server.http.limits import Limits
from mms_server.http.request import Chunk, Request

logger = logging.getLogger("mms_server.http")

_LINE_OVERHEAD = len(b"  HTTP/1.1")
_FIELD_OVERHEAD = len(b": \r\n")
_UNEXPECTED = "Invalid HTTP message."
_ABSOLUTE = re.compile(rb"[A-Za-z][^/?]*://[^/?]*")

_CHUNK_OVERHEAD = 16
_CHUNK_OVERHEAD_BYTES = 16 * 1024
"""Chunk sizes, chunk extensions and trailers may take so many bytes for each byte of the body, and
so many besides (RFC 9112 section 7.1.1 asks for a bound). A chunk of one byte takes six."""
_FRAMING = (b"content-length", b"transfer-encoding")
_WATCHED = frozenset((*_FRAMING, b"content-type", b"expect", b"host"))


class RequestParser:
    """Parses the bytes of one connection, in any split, into requests in order.

    `complete` holds requests that are whole. `arriving` is the request whose header section is
    whole and whose body is still to come. `error` is what ended the parse: it is due after every
    request in `complete` has been answered. `begun` counts the requests that have begun;
    `is_in_head` tells that a header section has begun and not ended. One parser a connection; loop
    thread only.
    """

    __deletable__ = ("_parser",)  # says mypyc of what `close` does
    __slots__ = (
        "_fed_bytes",
        "_field_bytes",
        "_fields",
        "_has_begun",
        "_has_ended",
        "_last_head",
        "_limits",
        "_parser",
        "_resumed",
        "_target",
        "_watched",
        "arriving",
        "begun",
        "complete",
        "error",
        "is_in_head",
    )

    def __init__(self, limits: Limits, known_heads: KnownHeads | None = None) -> None:
        self._limits = limits
        self._parser = httptools.HttpRequestParser(self)
        self._last_head = LastHead(known_heads or KnownHeads())
        self.complete: deque[Request] = deque()
        self.arriving: Request | None = None
        self.error: MMSError | None = None
        self.begun = 0
        self._target = b""
        self._fields: list[bytes] = []
        self._field_bytes = 0
        self._watched: dict[bytes, bytes] = {}
        self._resumed: Request | None = None
        self.is_in_head = False
        self._has_begun = False
        self._has_ended = False
        self._fed_bytes = 0

    @property
    def is_idle(self) -> bool:
        """Whether no part of a request has been read since the last complete one."""
        return not self.is_in_head and self.arriving is None

    @property
    def missing_bytes(self) -> int:
        """How much of the arriving body is still to come; 0 where only its chunks tell."""
        request, length = self.arriving, self._watched.get(b"content-length")
        return 0 if request is None or length is None else int(length) - request.body_bytes

    def feed(self, data: bytes) -> None:
        """Take the next bytes; results appear in `complete`, `arriving` and `error`.

        Nothing is read behind an error, nor behind a request after which the connection ends.
        """
        if self.error is not None or self._has_ended:
            return
        is_between = self.is_idle
        if is_between:
            repeated = self._last_head.read(data)
            if repeated is not None:
                self.begun += 1
                self.complete.append(repeated)
                return
        self._has_begun = False
        begun = self.begun
        try:
            self._parser.feed_data(data)
            if is_between and self.begun == begun + 1 and self.is_idle and not self._has_ended:
                self._learn(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrades(memoryview(data)[upgrade.args[0] :])
        except httptools.HttpParserError as exc:
            self._fail(exc)
        if not self._has_begun and not self.is_idle:
            self._count(len(data))

    def receive_rest(self, chunks: Sequence[Chunk]) -> None:
        """Take the missing bytes of the arriving body, which were not fed."""
        request = self.arriving
        assert request is not None
        request.receive_rest(chunks)
        self._parser = httptools.HttpRequestParser(self)  # the one before still waits for them
        self.on_message_complete()

    def close(self) -> None:
        """Let go of what was read; nothing may be fed afterwards.

        The two parsers refer to each other: left so, a body that its client did not finish would
        stay in memory until the garbage collector comes.
        """
        self.complete.clear()
        self.arriving = self._resumed = self.error = None
        del self._parser

    def _learn(self, data: bytes) -> None:
        if b"transfer-encoding" not in self._watched:
            self._last_head.learn(data, self.complete[-1])

    def _count(self, size_bytes: int) -> None:
        """Bound what is read and thrown away: padding, chunk extensions, trailers."""
        self._fed_bytes += size_bytes
        allowed_bytes = self._limits.request_line_bytes + self._limits.header_bytes
        if self.arriving is not None:
            allowed_bytes += _CHUNK_OVERHEAD_BYTES + _CHUNK_OVERHEAD * self.arriving.body_bytes
        if self._fed_bytes > allowed_bytes and self.error is None:
            self.error = BadRequestError(_UNEXPECTED)

    def _ignore_upgrades(self, rest: memoryview) -> None:
        """Go on in HTTP/1.1: "a server MAY ignore a received Upgrade" (RFC 9110 section 7.8)."""
        while self._read_on():
            try:
                self._parser.feed_data(rest)
            except httptools.HttpParserUpgrade as upgrade:
                rest = rest[upgrade.args[0] :]
                continue
            except httptools.HttpParserError as exc:
                self._fail(exc)
            break

    def _read_on(self) -> bool:
        """Start a fresh llhttp behind the last request; returns whether more is to be read.

        llhttp stopped behind the head and took the request for complete. Where a body follows, the
        fresh one is first given a head that says no more than the framing.
        """
        request = self.complete[-1]
        if request.head.method == b"CONNECT":
            request.head.is_keep_alive = False
            self._has_ended = True
        framing = [b"%s: %s\r\n" % (n, self._watched[n]) for n in _FRAMING if n in self._watched]
        if self._has_ended and not framing:
            return False
        self._parser = httptools.HttpRequestParser(self)
        if framing:
            if not request.head.is_keep_alive:
                framing.append(b"Connection: close\r\n")
            self._resumed = self.complete.pop()
            request.is_complete = self._has_ended = False
            self._parser.feed_data(b"POST / HTTP/1.1\r\nHost: h\r\n%s\r\n" % b"".join(framing))
        return True

    def _fail(self, exc: httptools.HttpParserError) -> None:
        cause = exc.__context__
        if self._has_ended:
            return  # llhttp refuses what comes behind a last request: it is not read anyway
        if isinstance(cause, MMSError):
            self.error = cause
        elif isinstance(exc, httptools.HttpParserCallbackError):
            logger.error("A request's body could not be taken", exc_info=cause)
            self.error = MMSError(f"Internal error: {cause!r}")
        else:
            self.error = BadRequestError(_UNEXPECTED)

    # llhttp's callbacks, in the order in which they come.

    def on_message_begin(self) -> None:
        """Start a new header section."""
        self.begun += 1
        self._target = b""
        self._fields = []
        self._field_bytes = 0
        self._watched = {}
        self.is_in_head = True
        self._has_begun = True
        self._fed_bytes = 0

    def on_url(self, piece: bytes) -> None:
        """Collect the request target; it comes in pieces when the input does."""
        self._target += piece
        if len(self._target) > self._limits.request_line_bytes:
            raise BadRequestError(_UNEXPECTED)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect one field."""
        if not self.is_in_head:
            return  # a trailer: merged into nothing (RFC 9110 section 6.5.1)
        value = value.strip(b" \t")
        self._fields += (name, value)
        self._field_bytes += len(name) + len(value) + _FIELD_OVERHEAD
        key = name.lower()
        if key in _WATCHED:
            if key in self._watched and key != b"content-type":
                raise BadRequestError(_UNEXPECTED)
            self._watched[key] = value
        if (
            self._field_bytes > self._limits.header_bytes
            or len(self._fields) > 2 * self._limits.header_fields
        ):
            raise BadRequestError(_UNEXPECTED)

    def on_headers_complete(self) -> None:
        """Decide the framing of the message and whether it is one to read at all."""
        if self._resumed is not None:
            self.arriving, self._resumed = self._resumed, None
            self.is_in_head = False
            return
        parser, watched = self._parser, self._watched
        method = parser.get_method()
        if len(method) + len(self._target) + _LINE_OVERHEAD > self._limits.request_line_bytes:
            raise BadRequestError(_UNEXPECTED)
        head = Head(method, _origin_form(self._target), self._fields)
        self.arriving = Request(head, [])
        self.is_in_head = False
        version = parser.get_http_version()
        coding = watched.get(b"transfer-encoding")
        if coding is not None and (version == "1.0" or coding.lower() != b"chunked"):
            # "A client MUST NOT send ... Transfer-Encoding unless it knows the server will handle
            # HTTP/1.1 requests" (RFC 9112 section 6.1): a 1.0 message with it is smuggling. Of
            # the codings only chunked is undone here.
            raise BadRequestError(_UNEXPECTED)
        if version == "1.0":
            head.is_http10 = True
        elif version != "1.1" or b"host" not in watched:
            # "A server MUST respond with a 400 ... to any HTTP/1.1 request message that lacks a
            # Host header field" (RFC 9112 section 3.2); a second one was refused above.
            raise BadRequestError(_UNEXPECTED)
        head.is_keep_alive = parser.should_keep_alive()
        if b"content-type" in watched:
            head.content_type = watched[b"content-type"]
        if b"expect" in watched and not head.is_http10:
            if watched[b"expect"].lower() != b"100-continue":
                raise ExpectationFailedError("Only 100-continue can be expected of this server.")
            head.expects_continue = True
        if int(watched.get(b"content-length", b"0")) > self._limits.body_bytes:
            raise PayloadTooLargeError(self._too_large())

    def on_body(self, chunk: bytes) -> None:
        """Collect a piece of the body, counted as it comes: a chunked one declares no length."""
        request = self.arriving
        assert request is not None
        if request.body_bytes + len(chunk) > self._limits.body_bytes:
            raise PayloadTooLargeError(self._too_large())
        request.receive(chunk)

    def on_message_complete(self) -> None:
        """Hand over a whole request."""
        request = self.arriving
        assert request is not None
        self.arriving = None
        request.is_complete = True
        self._has_ended = not request.head.is_keep_alive
        self.complete.append(request)

    def _too_large(self) -> str:
        return f"The body exceeds max_request_size, {self._limits.body_bytes} bytes."


def _origin_form(target: bytes) -> bytes:
    """Strip scheme and authority: "a server MUST accept the absolute-form" (RFC 9112 3.2.2)."""
    absolute = None if target.startswith(b"/") else _ABSOLUTE.match(target)
    if absolute is None:
        return target
    rest = target[absolute.end() :]
    return rest if rest.startswith(b"/") else b"/" + rest
