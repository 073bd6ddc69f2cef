"""What a job was answered, as its sink is told it."""

from __future__ import annotations

from typing import NamedTuple

from mms import wire


class Answer(NamedTuple):
    status: int
    phrase: bytes
    fields: bytes
    body: list[wire.Buffer]
