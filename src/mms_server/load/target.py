"""Where requests go, and the bytes that each of them is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from mms_server.errors import BadRequestError

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*")
"""RFC 9110 section 5.6.2 (tokens) and 5.5 (field values)."""

_VISIBLE = re.compile(r"[!-~]+")


@dataclass(slots=True, frozen=True)
class Target:
    """One address, and the same request each time."""

    url: str
    host: str
    port: int
    request: bytes

    @property
    def method(self) -> str:
        """The request's verb."""
        return self.request.partition(b" ")[0].decode()


def make_target(
    url: str,
    body: bytes | None = None,
    content_type: str = "application/octet-stream",
    headers: Sequence[str] = (),
) -> Target:
    """Make a POST of `body`, or a GET where there is none; `headers` are lines `Name: value`.

    A line in `headers` replaces one of the same name that would be sent without it.
    Raises BadRequestError.
    """
    parts = _split(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = {"host": f"Host: {parts.netloc.rpartition('@')[2]}"}
    if body is not None:
        lines["content-type"] = f"Content-Type: {content_type}"
    for line in headers:
        if not _HEADER.fullmatch(line):
            raise BadRequestError(f"{line!r} is no header: expected `Name: value` on one line.")
        lines[line.partition(":")[0].lower()] = line
    if body is not None:
        lines["content-length"] = f"Content-Length: {len(body)}"
    head = "\r\n".join([f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", *lines.values()])
    return Target(
        url=url,
        host=parts.hostname or "",
        port=parts.port or 80,
        request=f"{head}\r\n\r\n".encode("latin-1", "replace") + (body or b""),
    )


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        is_usable = bool(parts.hostname) and parts.port != 0
    except ValueError as exc:
        raise BadRequestError(f"{url} is no URL: {exc}.") from exc
    if parts.scheme != "http":
        raise BadRequestError(f"{url}: only http:// can be loaded, TLS is not spoken here.")
    if not is_usable or not _VISIBLE.fullmatch(url):
        raise BadRequestError(f"{url} is no URL that can be asked for.")
    return parts
