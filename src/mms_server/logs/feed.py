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

SEPARATOR = b"\0"
"""Ends a stamp. No line should hold it; where one does, there is ` - ` in its place."""


class Clock:
    """Renders the time of day, once a millisecond at most."""

    def __init__(self, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._now_ns = now_ns
        self._ms = self._second = -1
        self._prefix = self._stamp = b""

    def stamp(self) -> bytes:
        """Return the time as `2026-11-25T16:38:08,151`, and a `SEPARATOR`."""
        ms = self._now_ns() // 1_000_000
        if ms != self._ms:
            self._ms = ms
            second, rest = divmod(ms, 1000)
            if second != self._second:
                self._second = second
                self._prefix = time.strftime(STAMP, time.localtime(second)).encode()
            self._stamp = b"%s,%03d%s" % (self._prefix, rest, SEPARATOR)
        return self._stamp


class Feed:
    """The lines on their way to one file and, with the name of their log, to the console.

    `write` is on the path of each request. So it stamps a line and no more, and a line that is
    always the same once in a millisecond. What comes between the stamp and the line, which is
    another for the console, is put into all of them at once. There, what was written between two
    rounds of the writer's comes log by log.
    """

    def __init__(
        self, name: str, clock: Clock, target: Target, console: Outlet, wanted: threading.Event
    ) -> None:
        self.name = f"{name.lower()}.log"
        self._clock = clock
        self._target = target
        self._console = console
        self._between = b" [INFO ] MainThread %s - " % name.encode()
        self._wanted = wanted
        self._is_wanted = False
        self._waiting: deque[bytes] = deque()
        self._size_bytes = 0
        self._dropped = 0
        self._line = self._stamp = self._last = b""

    def write(self, line: bytes) -> None:
        """Take one line (a `Line`); it is dropped and counted when the buffer is full."""
        if self._size_bytes > BUFFER_BYTES:
            self._dropped += 1
            return
        stamp = self._clock.stamp()
        if line is not self._line or stamp is not self._stamp:
            self._line, self._stamp, self._last = line, stamp, stamp + line
        self._size_bytes += len(line)
        self._waiting.append(self._last)
        if not self._is_wanted:
            self._is_wanted = True
            self._wanted.set()

    def write_out(self) -> int:
        """Write what has gathered; returns how many lines were dropped since. Raises OSError."""
        self._is_wanted = False  # first: what is put from here on is perhaps not taken
        waiting = self._waiting
        taken = [waiting.popleft() for _ in range(len(waiting))]
        self._size_bytes = 0
        dropped, self._dropped = self._dropped, 0
        if taken:
            text = b"".join(taken)
            self._console.put(text.replace(SEPARATOR, self._between), lines=len(taken))
            self._target(text.replace(SEPARATOR, b" - "))
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
