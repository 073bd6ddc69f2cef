"""Parameters of management requests: from the query, or from a JSON body."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from mms_server.errors import BadRequestError
from mms_server.http.forms import media_type, parse_query
from mms_server.http.request import Request

INTEGER_LIMIT = 2**31
"""Integers reach from minus this to below this: those of Java's `Integer.parseInt`."""

_INTEGER = re.compile(r"([+-]?)0*([0-9]{1,10})")


class Parameters:
    """Named texts of one request.

    A JSON body takes the place of the query altogether. What is no integer, or too large for one
    of 32 bits, counts as not given, as in Multi Model Server; what it would do with a negative one
    is refused where it matters.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    @classmethod
    def of_query(cls, request: Request) -> Parameters:
        """Read the query; of equal names the first counts. Raises BadRequestError."""
        values: dict[str, str] = {}
        for field in parse_query(request.query):
            values.setdefault(field.name, b"".join(field.chunks).decode("utf-8", "replace"))
        return cls(values)

    @classmethod
    def of_query_or_json(cls, request: Request) -> Parameters:
        """Read a JSON body where the request says it has one, else the query."""
        if media_type(request.content_type).lower() != "application/json":
            return cls.of_query(request)
        try:
            document = json.loads(b"".join(request.body))
        except (ValueError, RecursionError) as exc:
            raise BadRequestError(f"The body is labelled JSON but cannot be parsed: {exc}") from exc
        if not isinstance(document, dict):
            raise BadRequestError(
                f"The JSON body is a {type(document).__name__}: an object is expected."
            )
        return cls(
            {name: _text(name, value) for name, value in document.items() if value is not None}
        )

    def text(self, *names: str) -> str | None:
        """Find the first of these names that is given and not empty."""
        for name in names:
            if self._values.get(name):
                return self._values[name]
        return None

    def integer(self, *names: str, default: int) -> int:
        """Find the first of these names, as an integer."""
        text = self.text(*names)
        match = None if text is None else _INTEGER.fullmatch(text)
        if match is None:
            return default
        number = int(match[1] + match[2])
        return number if -INTEGER_LIMIT <= number < INTEGER_LIMIT else default

    def has(self, *names: str) -> bool:
        """Say whether any of these names is given."""
        return any(name in self._values for name in names)

    def boolean(self, name: str, *, default: bool) -> bool:
        """Read a flag: `true` in any letter case is true, any other text false."""
        text = self.text(name)
        return default if text is None else text.lower() == "true"


def _text(name: str, value: object) -> str:
    if not _is_unicode(name) or (isinstance(value, str) and not _is_unicode(value)):
        raise BadRequestError("The JSON body has half a surrogate pair: it is no Unicode text.")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # 2.0 is an integer, to JSON and to Multi Model Server's parser
    if isinstance(value, str | int | float):
        return str(value)
    raise BadRequestError(
        f"Parameter {name} is a {type(value).__name__}: a text, number or boolean is expected."
    )


def _is_unicode(text: str) -> bool:
    """Tell text that can be encoded from what JSON's escapes can spell besides (RFC 8259 8.2)."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
