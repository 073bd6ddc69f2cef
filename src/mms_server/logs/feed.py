"""Lines that are written per request: formatted by their maker, stamped here, no logger asked."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from mms_server.logs.writer import BUFFER_BYTES, Outlet, Target

Line = Callable[[bytes], None]
"""Takes one line, with its end. Loop thread only."""

STAMP = "%Y-%m-%dT%H:%M:%S"
"""As log4j2's ISO8601 has it, in local time; `,mmm` follows."""


class Clock:
    """Renders the time of day, once a millisecond at most."""

    def __init__(self, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._now_ns = now_ns
        self._ms = self._second = -1
        self._prefix = self._stamp = b""

    def stamp(self) -> bytes:
        """Return the time as `2026-11-25T16:38:08,151`."""
        ms = self._now_ns() // 1_000_000
        if ms != self._ms:
            self._ms = ms
            second, rest = divmod(ms, 1000)
            if second != self._second:
                self._second = second
                self._prefix = time.strftime(STAMP, time.localtime(second)).encode()
            self._stamp = b"%s,%03d" % (self._prefix, rest)
        return self._stamp


class Feed:
    """The lines on their way to one file and, with the name of their log, to the console.

    `write` is on the path of each request. So a line waits in parts, which one call joins with
    all others: the second is the same in all, and another one for the console. There, what was
    written between two rounds of the writer's comes log by log.
    """

    def __init__(
        self, name: str, clock: Clock, target: Target, console: Outlet, wanted: threading.Event
    ) -> None:
        self.name = f"{name.lower()}.log"
        self._stamp = clock.stamp
        self._target = target
        self._console = console
        self._between = b" [INFO ] MainThread %s - " % name.encode()
        self._wanted = wanted
        self._parts: deque[bytes] = deque()
        self._size_bytes = 0
        self._dropped = 0

    def write(self, line: bytes) -> None:
        """Take one line (a `Line`); it is dropped and counted when the buffer is full."""
        if self._size_bytes > BUFFER_BYTES:
            self._dropped += 1
            return
        self._size_bytes += len(line)
        self._parts.extend((self._stamp(), b" - ", line))
        if not self._wanted.is_set():
            self._wanted.set()

    def write_out(self) -> int:
        """Write what has gathered; returns how many lines were dropped since. Raises OSError."""
        parts = self._parts
        taken = [parts.popleft() for _ in range(len(parts))]
        self._size_bytes = 0
        dropped, self._dropped = self._dropped, 0
        if taken:
            text = b"".join(taken)
            lines = len(taken) // 3
            taken[1::3] = [self._between] * lines
            self._console.put(b"".join(taken), lines=lines)
            self._target(text)
        return dropped


class RecordFeed:
    """Makes log records of lines, for a logger whose handlers the operator has chosen."""

    def __init__(self, target: logging.Logger) -> None:
        self._logger = target

    def write(self, line: bytes) -> None:
        """Take one line (a `Line`)."""
        text = line.decode("utf-8", "replace").rstrip("\n")
        record = self._logger.makeRecord(self._logger.name, logging.INFO, "", 0, text, (), None)
        self._logger.handle(record)
