"""Response heads as bytes."""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from typing import Final, Protocol

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_PHRASES = {status.value: status.phrase for status in HTTPStatus} | {
    # Multi Model Server's own, for a scaling operation that did not get as far as was asked.
    210: "Partial Success",
    # Netty's, as in RFC 2616; those of `http.HTTPStatus` depend on the version of Python.
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    416: "Requested Range Not Satisfiable",
    422: "Unprocessable Entity",
}
_UNNAMED = 418
"""Netty does not know the teapot."""


def standard_phrase(status: int) -> str:
    """Name a status; those that no registry names get their class, as in Netty."""
    phrase = _PHRASES.get(status)
    if phrase is not None and status != _UNNAMED:
        return phrase
    kinds = {1: "Informational", 2: "Success", 3: "Redirection", 4: "Client Error"}
    kind = kinds.get(status // 100, "Server Error" if status // 100 == 5 else "Unknown Status")
    return f"{kind} ({status})"


@lru_cache(maxsize=1024)
def status_line(status: int, phrase: str) -> bytes:
    """Render the status line (RFC 9112 section 4); the phrase may be empty.

    `phrase` is latin-1 without CR or LF: checked where it enters the system.
    """
    return f"HTTP/1.1 {status} {phrase}\r\n".encode("latin-1")


_KEEP_ALIVE: Final = b"connection: keep-alive\r\n\r\n"
_SHORT_BYTES: Final = 1024
_SHORT_ENDS: Final = [b"content-length: %d\r\n%s" % (n, _KEEP_ALIVE) for n in range(_SHORT_BYTES)]
"""The ends of the heads that most answers have, by the length of what follows them."""


class HeadRenderer(Protocol):
    """What renders the heads of a listener's answers; see `render_head`."""

    def __call__(
        self, line: bytes, fields: bytes, length_bytes: int | None, is_last: bool, /
    ) -> bytes:
        """Render one head."""


def render_head(line: bytes, fields: bytes, length_bytes: int | None, is_last: bool) -> bytes:
    """Join a status line and ready-made field lines with the framing this connection needs.

    No length is for 204, which must not state one (RFC 9110 section 8.6).
    """
    if not is_last and length_bytes is not None and length_bytes < _SHORT_BYTES:
        return line + fields + _SHORT_ENDS[length_bytes]
    end = b"connection: close\r\n\r\n" if is_last else _KEEP_ALIVE
    if length_bytes is None:
        return line + fields + end
    return b"%scontent-length: %d\r\n%s" % (line + fields, length_bytes, end)
