"""Sampled call stacks, and whom each sample is charged to.

Reads py-spy's raw format (Gregg's folded stacks): frames from the outermost to the innermost,
parted by semicolons, then a blank and the number of samples. A frame is `function (file:line)`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

KERNEL = "kernel"
"""The room of samples that lie in a system call, working or waiting for a turn."""

_FRAME = re.compile(r"(?P<function>.*) \((?P<file>.*?)(?::\d+)?\)")
_SYSTEM_CALLS = re.compile(
    r"(epoll_p?wait2?|poll|select|readv?|writev?|recv(from|msg|mmsg)?|send(to|msg|mmsg)?|futex)"
)
_ROOMS = (
    ("http", "/mms_server/http/"),
    ("api", "/mms_server/api/"),
    ("serving", "/mms_server/serving/"),
    ("workers", "/mms_server/workers/"),
    ("metrics", "/mms_server/metrics/"),
    ("front end, other", "/mms_server/"),
    ("wire", "/mms/wire.py"),
    ("worker loop", "/mms/worker/"),
    ("worker, other", "/mms/"),
    ("handler", "/store/noop/"),
    ("event loop", "/uvloop/"),
    ("event loop", "/asyncio/"),
)
"""Rooms by a part of the file's path; the first that fits counts."""

_WAITING = re.compile(r"Condition\.wait \(\S*threading\.py")
"""A thread that waits for another: py-spy takes it for busy."""


class Charge(NamedTuple):
    """Whom a sample belongs to: a room of the project, and the function there."""

    room: str
    function: str


def charges(folded: Iterable[str]) -> Counter[Charge]:
    """Count samples by whom they are charged to."""
    counted: Counter[Charge] = Counter()
    for line in folded:
        stack, _, samples = line.rpartition(" ")
        if _WAITING.search(stack):
            continue
        counted[charge(stack.split(";"))] += int(samples)
    return counted


def charge(stack: list[str]) -> Charge:
    """Charge one stack, outermost frame first.

    A sample inside a system call is the kernel's. Any other is charged to the innermost frame that
    lies in a room, and with it what that frame calls outside of all rooms: C extensions, the
    standard library, the interpreter.
    """
    function, file = _split(stack[-1])
    if "libc" in file and _SYSTEM_CALLS.fullmatch(
        function.removeprefix("__").removeprefix("libc_")
    ):
        return Charge(KERNEL, function)
    for frame in reversed(stack):
        function, file = _split(frame)
        for room, part in _ROOMS:
            if part in file:
                return Charge(room, f"{function} ({file.rpartition('/')[2]})")
    return Charge("other", function)


def _split(frame: str) -> tuple[str, str]:
    match = _FRAME.fullmatch(frame)
    return (match["function"], match["file"]) if match else (frame, "")
