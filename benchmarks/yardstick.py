"""What costs are given in: a fixed piece of plain Python, run once for each byte that is read.

The guard steps through it in the interpreter that runs the server, so that a faster build of Python
shortens both. It does what a request's way does: calls, attributes, small objects, `struct`,
dictionaries, bytes that are joined and cut. To change it is to record everything anew. This file is
run by its path and imports nothing of the benchmarks.
"""

from __future__ import annotations

import os
import struct
import sys
from collections import deque

ROUNDS = 3
_HEAD = struct.Struct("!IHB")


class Message:
    """A head and a body on their way through a queue."""

    __slots__ = ("body", "fields", "number")

    def __init__(self, number: int, body: bytes) -> None:
        self.number = number
        self.body = body
        self.fields: dict[str, str] = {}

    def encode(self) -> bytes:
        """Return the message as one block."""
        return b"".join((_HEAD.pack(self.number, len(self.body), 1), self.body))


def decode(block: bytes) -> Message:
    """Read what `encode` wrote."""
    number, length, _kind = _HEAD.unpack_from(block)
    message = Message(number, block[_HEAD.size : _HEAD.size + length])
    for name in ("content-type", "content-length", "x-request-id"):
        message.fields[name] = "text/plain"
    return message


def work(rounds: int) -> int:
    """Send that many messages through a queue; returns the bytes that came out."""
    queue: deque[bytes] = deque()
    total = 0
    for number in range(rounds):
        queue.append(Message(number, b"hello").encode())
        message = decode(queue.popleft())
        if message.fields.get("content-type") == "text/plain":
            total += len(message.body)
    return total


if __name__ == "__main__":
    while os.read(sys.stdin.fileno(), 1):
        work(ROUNDS)
        os.write(sys.stdout.fileno(), b"\n")
