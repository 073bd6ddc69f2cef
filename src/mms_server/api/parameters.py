"""Parameters of management requests: from the query, or from a JSON body."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mms_server.api.lenient_json import Value, parse_lenient
from mms_server.errors import BadRequestError
from mms_server.http.forms import media_type, parse_query
from mms_server.http.request import Request

INTEGER_LIMIT = 2**31
"""Integers from here on, or below its negative, are none, as to Java's `Integer.parseInt`."""


class Parameters:
    """Named texts of one request.

    A JSON body takes the place of the query altogether. In the query an integer that cannot be
    parsed counts as not given, as in Multi Model Server; what it would do with a negative one is
    refused where it matters.
    """

    def __init__(self, values: Mapping[str, Value], *, is_json: bool = False) -> None:
        self._values = values
        self._is_json = is_json

    @classmethod
    def of_query(cls, request: Request) -> Parameters:
        """Read the query; of equal names the first counts. Raises BadRequestError."""
        values: dict[str, Value] = {}
        for field in parse_query(request.head.query):
            values.setdefault(field.name, b"".join(field.chunks).decode("utf-8", "replace"))
        return cls(values)

    @classmethod
    def of_query_or_json(cls, request: Request) -> Parameters:
        """Read a JSON body where the request says it has one, else the query."""
        if media_type(request.head.content_type).lower() != "application/json":
            return cls.of_query(request)
        try:
            document = parse_lenient(b"".join(request.body).decode())
        except ValueError as exc:
            raise BadRequestError(f"The body is labelled JSON but cannot be parsed: {exc}") from exc
        if not isinstance(document, dict):
            raise BadRequestError("The JSON body is no object: one is expected.")
        given = {name: value for name, value in document.items() if value is not None}
        return cls(given, is_json=True)

    def text(self, *names: str) -> str | None:
        """Find the first of these names that is given and not empty."""
        for name in names:
            value = self._values.get(name)
            if isinstance(value, list | dict):
                raise BadRequestError(
                    f"Parameter {name} is a {type(value).__name__}: "
                    "a text, number or boolean is expected."
                )
            if value:
                return value
        return None

    def integer(self, *names: str, default: int) -> int:
        """Find the first of these names, as an integer of 32 bits.

        Raises BadRequestError where a JSON body has something else.
        """
        text = self.text(*names)
        if text is None:
            return default
        number = _integer(text.removesuffix(".0") if self._is_json else text)
        if number is None and self._is_json:
            raise BadRequestError(f"Parameter {names[0]} is {text}: an integer is expected.")
        return default if number is None else number

    def has(self, *names: str) -> bool:
        """Say whether any of these names is given."""
        return any(name in self._values for name in names)

    def boolean(self, name: str, *, default: bool) -> bool:
        """Read a flag: `true` in any letter case is true, any other text false."""
        if not self.has(name):
            return default
        return (self.text(name) or "").lower() == "true"


_INTEGER = re.compile(r"([+-]?)0*([0-9]{1,10})")


def _integer(text: str) -> int | None:
    """Parse as Java's `Integer.parseInt` does: no blanks, no underscores, 32 bits."""
    match = _INTEGER.fullmatch(text)
    if match is None:
        return None
    number = int(match[1] + match[2])
    return number if -INTEGER_LIMIT <= number < INTEGER_LIMIT else None
