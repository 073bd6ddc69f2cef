"""Forms: queries, urlencoded bodies and multipart bodies, as named values.

Nothing is repaired: a form that does not parse is the client's error, said so, and never an empty
input to a model.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from multipart import (
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

from mms_server.errors import BadRequestError
from mms_server.http.request import Chunk, Request, percent_decode, percent_unescape

MAX_PARTS = 1000
_PART_HEADERS = 16
_PART_HEADER_BYTES = 4 * 1024


class Field(NamedTuple):
    """One named value; `content_type` is empty where the form states none."""

    name: str
    content_type: str
    chunks: list[Chunk]


def media_type(content_type: bytes) -> str:
    """Strip the parameters: `text/plain; charset=utf-8` is `text/plain`."""
    return content_type.partition(b";")[0].strip().decode("latin-1")


def parse_query(text: bytes) -> list[Field]:
    """Parse a query; a name without `=` has an empty value.

    As in Netty's `QueryStringDecoder`, which Multi Model Server uses, `;` separates like `&`, `#`
    ends the query, and a `=` before a name does not count. Raises BadRequestError.
    """
    query = text.partition(b"#")[0].replace(b";", b"&")
    pairs = (pair.lstrip(b"=") for pair in query.split(b"&"))
    return [_parse_pair(pair) for pair in pairs if pair]


def parse_urlencoded(body: Iterable[Chunk]) -> list[Field]:
    """Parse an urlencoded body; a name without `=` has an empty value, unless it comes last.

    As in Netty's `HttpPostStandardRequestDecoder`, which Multi Model Server uses, that one is no
    field, and the first line end is the end. Raises BadRequestError.
    """
    line = b"".join(body).partition(b"\n")[0].removesuffix(b"\r")
    pairs = line.split(b"&")
    if b"=" not in pairs[-1]:
        pairs.pop()
    if any(pair.startswith(b"=") for pair in pairs):
        raise BadRequestError("Malformed form: a value stands without a name.")
    return [_parse_pair(pair) for pair in pairs if pair]


def _parse_pair(pair: bytes) -> Field:
    """Decode one pair (WHATWG URL Standard, application/x-www-form-urlencoded)."""
    name, _, value = pair.replace(b"+", b" ").partition(b"=")
    return Field(percent_decode(name), "", [percent_unescape(value)])


class MultipartReader:
    """Parses `multipart/form-data` (RFC 7578) as it arrives, so that no turn of the loop is long.

    Feed it every chunk, then `finish`. A part with a file name and no type is
    `application/octet-stream`; a plain field has no type, whatever it states (as in Multi Model
    Server). Raises BadRequestError.
    """

    def __init__(self, content_type: bytes, limit_bytes: int) -> None:
        _, options = parse_options_header(content_type.decode("latin-1"))
        boundary = options.get("boundary")
        if not boundary:
            raise BadRequestError("Malformed multipart body: Content-Type names no boundary.")
        try:
            self._parser = PushMultipartParser(
                boundary,
                max_segment_count=MAX_PARTS,
                max_segment_size=limit_bytes,
                max_header_count=_PART_HEADERS,
                max_header_size=_PART_HEADER_BYTES,
            )
        except (MultipartError, ValueError) as exc:
            raise BadRequestError(f"Malformed multipart body: {exc}.") from exc
        self._fields: list[Field] = []

    def feed(self, chunk: Chunk) -> None:
        """Take the next bytes of the body; what follows its last boundary is ignored."""
        if not chunk:
            return  # which the parser would take for the end
        try:
            for event in self._parser.parse(chunk):
                if isinstance(event, MultipartSegment):
                    if not event.name:
                        raise BadRequestError("Malformed multipart body: a part has no name.")
                    self._fields.append(Field(event.name, _type_of(event), []))
                elif event:
                    self._fields[-1].chunks.append(bytes(event))
        except MultipartError as exc:
            raise BadRequestError(f"Malformed multipart body: {exc}.") from exc

    def finish(self) -> list[Field]:
        """Check that the last boundary has come, and hand over the fields in order."""
        try:
            self._parser.close()
        except MultipartError as exc:
            raise BadRequestError(f"Malformed multipart body: {exc}.") from exc
        if not self._fields:
            raise BadRequestError("Malformed multipart body: it has no part.")
        return self._fields


def _type_of(segment: MultipartSegment) -> str:
    if segment.filename is None:
        return ""
    return segment.content_type or "application/octet-stream"


def read_multipart(request: Request, limit_bytes: int) -> list[Field]:
    """Parse the body of a request that arrived whole."""
    reader = MultipartReader(request.head.content_type, limit_bytes)
    for chunk in request.body:
        reader.feed(chunk)
    return reader.finish()
