"""From the parameters of one request to the dict that a handler is given.

This file never does I/O. What it refuses is the client's mistake: a 400 for that one request,
while the rest of its batch is handled.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN_NAME_CHARS = 60


class InputError(Exception):
    """A parameter is not what its content type says; sending it again will not help."""


def build_input(
    parameters: Iterable[tuple[str, str, bytes | bytearray]], *, decode: bool
) -> dict[str, Any]:
    """Build the dict of inputs from (name, content type, value); the last of equal names stays.

    With `decode`, exactly `application/json` becomes the parsed value and what begins with `text`
    a str, both case-sensitively. All else becomes a bytearray: handlers and tests of MMS look for
    that type. A value that already is a bytearray is handed on, not copied.

    Raises:
        InputError: JSON that does not parse, or bytes that are not UTF-8.
    """
    inputs: dict[str, Any] = {}
    for name, content_type, value in parameters:
        if decode and content_type == "application/json":
            inputs[name] = _parse_json(name, value)
        elif decode and content_type.startswith("text"):
            inputs[name] = _decode_text(name, value, content_type)
        else:
            inputs[name] = value if type(value) is bytearray else bytearray(value)
    return inputs


def build_headers(
    parameters: Iterable[tuple[str, str, bytes | bytearray]], headers: Iterable[tuple[str, str]]
) -> dict[str, Any]:
    """Build what a handler reads as request headers: of equal names the last one stays.

    Each input adds its name -> {"content-type": type}; a header of that very name replaces it.
    """
    properties: dict[str, Any] = {
        name: {"content-type": content_type} for name, content_type, _ in parameters
    }
    properties.update(headers)
    return properties


def _parse_json(name: str, value: bytes | bytearray) -> Any:
    text = _decode_text(name, value, "application/json")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        reason = "it is empty" if not text else str(exc)
        raise InputError(
            f"Input {_shown(name)} is labelled application/json but is not valid JSON: {reason}"
        ) from exc


def _decode_text(name: str, value: bytes | bytearray, content_type: str) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise InputError(
            f"Input {_shown(name)} is labelled {content_type} but is not UTF-8 text: "
            f"{exc.reason} at byte {exc.start}"
        ) from exc


def _shown(name: str) -> str:
    short = name if len(name) <= _SHOWN_NAME_CHARS else name[:_SHOWN_NAME_CHARS] + "..."
    return f"'{short}'"
