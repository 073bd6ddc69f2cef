"""Reads the answers on one connection. Sans-IO: bytes in, one `Answer` at a time out."""

from __future__ import annotations

from typing import NamedTuple

import httptools

from mms_server.errors import MMSError


class Answer(NamedTuple):
    """What a load generator has to know of an answer.

    `is_last` says that the server will answer nothing more on this connection.
    """

    status: int
    has_retry_after: bool
    is_last: bool


class AnswerError(MMSError):
    """The bytes are no answer, or not one to a request that was sent."""


class AnswerReader:
    """The parser's callbacks; at most one request may be on its way. Bodies are dropped."""

    __slots__ = ("_answer", "_has_head", "_has_retry_after", "_is_framed", "_parser")

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._answer: Answer | None = None
        self.on_message_begin()

    def feed(self, data: bytes) -> Answer | None:
        """Take bytes; returns the answer that they complete. Raises AnswerError."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as exc:
            raise AnswerError("The server switches to another protocol.") from exc
        except httptools.HttpParserError as exc:
            raise AnswerError(f"The server does not answer in HTTP/1.1: {exc}.") from exc
        answer, self._answer = self._answer, None
        return answer

    def finish(self) -> Answer | None:
        """Take the end of input, which ends an answer without a length (RFC 9112 section 6.3)."""
        if not self._has_head or self._is_framed:
            return None
        return self._read_answer(is_last=True)

    # The parser's callbacks.

    def on_message_begin(self) -> None:
        """Forget the answer before."""
        self._has_head = self._has_retry_after = self._is_framed = False

    def on_header(self, name: bytes, _value: bytes) -> None:
        """Note the fields that matter."""
        match name.lower():
            case b"retry-after":
                self._has_retry_after = True
            case b"content-length" | b"transfer-encoding":
                self._is_framed = True

    def on_headers_complete(self) -> None:
        """Note that a body, or the end, comes now."""
        self._has_head = True

    def on_message_complete(self) -> None:
        """Note the answer, unless it is an interim one (RFC 9110 section 15.2)."""
        self._has_head = False
        if self._parser.get_status_code() < 200:
            return
        if self._answer is not None:
            raise AnswerError("The server sent an answer that nobody asked for.")
        self._answer = self._read_answer(is_last=not self._parser.should_keep_alive())

    def _read_answer(self, *, is_last: bool) -> Answer:
        return Answer(self._parser.get_status_code(), self._has_retry_after, is_last)
