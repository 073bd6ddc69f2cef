"""An answer as it is recorded: what varies from run to run is replaced by a word in `<>`."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from parity.places import hide

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_VARYING = [
    (re.compile(r'("startTime": )"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"'), r'\1"<time>"'),
    (re.compile(r'("id": )"9\d{3}(?:-[0-9a-f]+)+"'), r'\1"<worker>"'),
    (re.compile(r'("memoryUsage": )\d+'), r'\1"<bytes>"'),
    (UUID, "<uuid>"),
]


@dataclass(frozen=True)
class Answer:
    """One answer; `outcome` says why there is none, and the other fields are empty then."""

    outcome: str = "answered"
    status: int = 0
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    """In the order of their names; `content-length` is `<length>` where it is the body's."""
    body: str = ""
    """Text, or `base64:` and the bytes where they are not UTF-8."""
    connection: str = ""
    """`kept`, `closed`, or empty where the next step of the case goes on with it."""

    @classmethod
    def of(cls, recorded: Mapping[str, Any]) -> Answer:
        """Read what `to_json` wrote."""
        lines = [line.partition(": ") for line in recorded.get("headers", ())]
        headers = tuple((name, value) for name, _, value in lines)
        return cls(**{**recorded, "headers": headers})

    def to_json(self) -> dict[str, Any]:
        """Return it without its empty fields, each header field as a line."""
        headers = [f"{name}: {value}" for name, value in self.headers]
        fields = {**asdict(self), "headers": headers}
        return {name: value for name, value in fields.items() if value}

    @property
    def is_json(self) -> bool:
        """Whether the body says that it is JSON."""
        return dict(self.headers).get("content-type") == "application/json"

    @property
    def says_close(self) -> bool:
        """Whether the connection is to end with it."""
        return ("connection", "close") in self.headers


def make_answer(
    status: int,
    reason: str,
    headers: list[tuple[str, str]],
    body: bytes,
    places: Mapping[str, str],
) -> Answer:
    """Make the answer that is recorded: `places` are the values that stand for a placeholder."""
    shown = []
    for name, value in headers:
        is_length = name.lower() == "content-length" and value == str(len(body))
        shown.append((name, "<length>" if is_length else _general(value, places)))
    try:
        text = _without_prose(_general(body.decode(), places))
    except UnicodeDecodeError:
        text = "base64:" + base64.b64encode(body).decode()
    ordered = tuple(sorted(shown, key=lambda each: (each[0].lower(), each[1])))
    return Answer("answered", status, reason, ordered, text)


def _without_prose(text: str) -> str:
    """Take the descriptions out of an OpenAPI document: each server has words of its own."""
    if '"openapi": "3.0.1"' not in text:
        return text
    return json.dumps(json.loads(text, object_hook=_without_description), indent=1)


def _without_description(members: dict[str, Any]) -> dict[str, Any]:
    is_prose = isinstance(members.get("description"), str)
    return {k: v for k, v in members.items() if k != "description" or not is_prose}


def _general(text: str, places: Mapping[str, str]) -> str:
    for pattern, replacement in _VARYING:
        text = pattern.sub(replacement, text)
    return hide(text, places)  # last: the digits of a port may stand in an identifier, too
