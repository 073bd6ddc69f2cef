"""JSON as Multi Model Server's parser takes it, which is Gson's `JsonReader` in lenient mode.

Its rules (Javadoc of `com.google.gson.stream.JsonReader.setLenient`) besides RFC 8259: names and
texts may be unquoted or in single quotes, `=` or `=>` may stand for `:`, and `;` for `,`; comments
`//`, `#` and `/* */` are skipped, and so is a first line `)]}'`.
"""

from __future__ import annotations

import re

Value = str | None | list["Value"] | dict[str, "Value"]
"""Numbers and booleans are texts, as they were written: only the reader knows what it expects."""

LIMIT_CHARACTERS = 64 * 1024
"""More would hold up the event loop: this takes about a microsecond a character (not measured)."""

_DEPTH = 100
_PREFIX = re.compile(r"\ufeff?(?:\)\]\}'\n)?")
_BLANK = re.compile(r"(?:[ \t\r\n]+|//[^\r\n]*|#[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_LITERAL = re.compile(r"[^/\\;#={}\[\]:,\t\f \r\n'\"][^/\\;#={}\[\]:,\t\f \r\n]*")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
_ESCAPE = re.compile(r"((?:\\u[0-9a-fA-F]{4})+)|\\(.)", re.DOTALL)
_ESCAPED = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f"} | {c: c for c in "\n'\"\\/"}
_KEYWORDS = {"true": "true", "false": "false", "null": None}


def parse_lenient(text: str) -> Value:
    """Parse one JSON value; of equal names the last counts. Raises ValueError with the place."""
    if len(text) > LIMIT_CHARACTERS:
        raise ValueError(f"it is longer than {LIMIT_CHARACTERS} characters")
    return _Reader(text).document()


class _Reader:
    """Reads from left to right; each method leaves the position behind what it has read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0

    def document(self) -> Value:
        self._skip(_PREFIX)
        value = self._value(0)
        if self._peek():
            raise self._error("the end")
        return value

    def _value(self, depth: int) -> Value:
        if depth > _DEPTH:
            raise self._error(f"at most {_DEPTH} levels")
        match self._peek():
            case "{":
                return self._members(depth)
            case "[":
                return self._elements(depth)
            case "'" | '"':
                return self._quoted()
            case _:
                literal = self._literal()
                return _KEYWORDS.get(literal.lower(), literal)

    def _members(self, depth: int) -> Value:
        self._place += 1
        members: dict[str, Value] = {}
        if self._take("}"):
            return members
        while True:
            name = self._quoted() if self._peek() in ("'", '"') else self._literal()
            if self._take("="):
                self._take(">")
            elif not self._take(":"):
                raise self._error("':'")
            members[name] = self._value(depth + 1)
            if self._take("}"):
                return members
            if not self._take(",", ";"):
                raise self._error("',' or '}'")

    def _elements(self, depth: int) -> Value:
        """Read an array; where a separator stands for an element, that is null."""
        self._place += 1
        elements: list[Value] = []
        if self._take("]"):
            return elements
        while True:
            is_left_out = self._peek() in (",", ";", "]")
            elements.append(None if is_left_out else self._value(depth + 1))
            if self._take("]"):
                return elements
            if not self._take(",", ";"):
                raise self._error("',' or ']'")

    def _literal(self) -> str:
        found = _LITERAL.match(self._text, self._place)
        if found is None:
            raise self._error("a name or value")
        self._place = found.end()
        return found[0]

    def _quoted(self) -> str:
        found = _QUOTED.match(self._text, self._place)
        if found is None:
            raise self._error("a quoted text that ends")
        text = _ESCAPE.sub(self._unescaped, found[1] if found[1] is not None else found[2])
        self._place = found.end()
        return text

    def _unescaped(self, found: re.Match[str]) -> str:
        if found[1] is not None:
            # Two escapes make one character beyond U+FFFF (RFC 8259 section 7).
            units = bytes.fromhex(found[1].replace("\\u", ""))
            return units.decode("utf-16-be", "replace")
        if found[2] not in _ESCAPED:
            raise self._error("no escape but those of JSON in the text")
        return _ESCAPED[found[2]]

    def _peek(self) -> str:
        """Return the next character that counts; empty at the end."""
        self._skip(_BLANK)
        return self._text[self._place : self._place + 1]

    def _take(self, *characters: str) -> bool:
        is_next = self._peek() in characters
        self._place += is_next
        return is_next

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self._text, self._place)
        self._place = self._place if found is None else found.end()

    def _error(self, expected: str) -> ValueError:
        return ValueError(f"{expected} is expected at character {self._place + 1}")
