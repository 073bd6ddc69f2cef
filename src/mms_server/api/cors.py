"""Web pages of other origins: the Access-Control fields of answers, and preflights.

Source: the Fetch standard, section "CORS protocol". The fields are Multi Model Server's, which
knows no preflight.
"""

from __future__ import annotations

from collections.abc import Iterator

from mms_server.api.answers import answer_bytes, answer_error
from mms_server.errors import ForbiddenError, MMSError
from mms_server.http.exchange import Application, Exchange
from mms_server.http.request import Request
from mms_server.http.response import render_head
from mms_server.http.router import Router


class Cors:
    """The fields that every answer carries, unless a handler has set them; rendered once."""

    def __init__(self, origin: str | None, methods: str | None, headers: str | None) -> None:
        named = (
            (b"access-control-allow-origin: ", origin),
            (b"access-control-allow-methods: ", methods),
            (b"access-control-allow-headers: ", headers),
        )
        self._lines = {name: name + value.encode() + b"\r\n" for name, value in named if value}
        self._all = b"".join(self._lines.values())

    def __bool__(self) -> bool:
        return bool(self._lines)

    def render_head(
        self, line: bytes, fields: bytes, length_bytes: int | None, is_last: bool
    ) -> bytes:
        """Render a head with the fields added (`mms_server.http.response.HeadRenderer`)."""
        return render_head(line, self._add(fields), length_bytes, is_last)

    def _add(self, fields: bytes) -> bytes:
        lowered = b"\r\n" + fields.lower()
        if b"\r\naccess-control-" not in lowered:
            return fields + self._all
        missing = (line for name, line in self._lines.items() if b"\r\n" + name[:-1] not in lowered)
        return fields + b"".join(missing)


class PreflightApplication:
    """Answers preflights, and leaves every other request to another application.

    A listener has it only when CORS is configured. The fields that make the answer one to a
    preflight are those of every answer.
    """

    def __init__(self, inner: Application, router: Router, ids: Iterator[bytes]) -> None:
        self._inner = inner
        self._router = router
        self._ids = ids

    def preview(self, request: Request, exchange: Exchange) -> None:
        """Pass on what has a body to come; a preflight is answered when it is whole."""
        if not _is_preflight(request):
            self._inner.preview(request, exchange)

    def handle(self, request: Request, exchange: Exchange) -> None:
        """Answer a preflight: 200 where the request itself could be made, 403 where not."""
        if not _is_preflight(request):
            self._inner.handle(request, exchange)
            return
        try:
            self._admit(request)
        except ForbiddenError as error:
            answer_error(exchange, next(self._ids), error)
        else:
            answer_bytes(exchange, next(self._ids), 200, b"", [])

    def reject(self, error: MMSError, exchange: Exchange) -> None:
        """Pass on."""
        self._inner.reject(error, exchange)

    def _admit(self, request: Request) -> None:
        """Raise ForbiddenError if the request that is to follow would be refused to its origin.

        That it leads nowhere is for its own answer to say: a page cannot read one to a preflight.
        """
        try:
            method = _requested_method(request) or b""
            endpoint = self._router.resolve(request.head.path).endpoint(method)
        except MMSError:
            return
        if endpoint.admit is not None:
            endpoint.admit(request)


def _is_preflight(request: Request) -> bool:
    """Tell a "CORS-preflight request" by its method and its two fields (Fetch standard)."""
    return (
        request.head.method == b"OPTIONS"
        and request.head.field(b"origin") is not None
        and _requested_method(request) is not None
    )


def _requested_method(request: Request) -> bytes | None:
    return request.head.field(b"access-control-request-method")
