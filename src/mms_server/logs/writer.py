"""The one thread that writes logs, and the buffers that it empties.

Lines are put in a bounded buffer, ready to be written; the thread writes what has gathered every
50 ms, or at once when somebody waits for it. A disk that is full or a terminal that is gone costs
lines, counted, never requests.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

logger = logging.getLogger("mms_server.logs")

BUFFER_BYTES = 16 * 1024 * 1024
"""What may wait to be written to one place."""

_GATHER_S = 0.05

Target = Callable[[bytes], None]
"""Writes lines; raises OSError when it cannot."""


class Buffer(Protocol):
    """What waits to be written to one place."""

    @property
    def name(self) -> str:
        """The place, as the operator knows it."""

    def write_out(self) -> int:
        """Write what has gathered; returns how many lines were dropped since. Raises OSError."""


class Outlet:
    """The lines on their way to one file, or to the console.

    `put` is for any thread. Its bound is kept closely by one thread, and nearly by several.
    """

    def __init__(self, name: str, target: Target, wanted: threading.Event) -> None:
        self.name = name
        self._target = target
        self._wanted = wanted
        self._waiting: deque[bytes] = deque()
        self._size_bytes = 0
        self._dropped = 0

    def put(self, text: bytes, *, lines: int = 1, may_drop: bool = True) -> None:
        """Have whole lines written soon, or drop and count them if the buffer is full."""
        size_bytes = self._size_bytes + len(text)
        if size_bytes > BUFFER_BYTES and may_drop:
            self._dropped += lines
            return
        self._size_bytes = size_bytes
        self._waiting.append(text)
        self._wanted.set()

    def write_out(self) -> int:
        """Write what has gathered; returns how many lines were dropped since. Raises OSError."""
        waiting = self._waiting
        taken = [waiting.popleft() for _ in range(len(waiting))]
        self._size_bytes = 0
        dropped, self._dropped = self._dropped, 0
        if taken:
            self._target(b"".join(taken))
        return dropped


class LogWriter:
    """The thread; it sleeps while there is nothing to write. Methods are for any thread."""

    def __init__(self) -> None:
        self.wanted = threading.Event()
        """Set by whoever puts something into a buffer, once it is there."""
        self._closing = threading.Event()
        self._hurried = threading.Event()
        self._buffers: list[Buffer] = []
        self._flushes: deque[threading.Event] = deque()
        self._broken: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)

    def add(self, buffer: Buffer) -> None:
        """Take in one more buffer, to be emptied after those before it; before `start` only."""
        self._buffers.append(buffer)

    def open(self, name: str, target: Target) -> Outlet:
        """Make an outlet; before `start` only."""
        outlet = Outlet(name, target, self.wanted)
        self.add(outlet)
        return outlet

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def flush(self) -> None:
        """Wait until all that was handed over before has been written, a second at most."""
        written = threading.Event()
        self._flushes.append(written)
        self._hurried.set()
        self.wanted.set()
        written.wait(timeout=1.0)

    def close(self) -> None:
        """Write what is left, and end the thread."""
        self._closing.set()
        self._hurried.set()
        self.wanted.set()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while True:
            self.wanted.wait()
            if not self._closing.is_set():
                self._hurried.wait(_GATHER_S)  # let more lines gather
            self._write_round()
            if self._closing.is_set() and not self.wanted.is_set():
                return

    def _write_round(self) -> None:
        self.wanted.clear()  # first: what is put from here on is perhaps not written in this round
        self._hurried.clear()
        flushed = [self._flushes.popleft() for _ in range(len(self._flushes))]
        for buffer in self._buffers:
            self._write_out(buffer)
        for written in flushed:
            written.set()

    def _write_out(self, buffer: Buffer) -> None:
        try:
            dropped = buffer.write_out()
        except OSError as exc:
            self._complain(buffer.name, exc)
            return
        self._broken.discard(buffer.name)
        if dropped:
            logger.warning("%d lines were dropped: %s is too slow.", dropped, buffer.name)

    def _complain(self, name: str, exc: OSError) -> None:
        """Say once, on what is left of standard error, that a place takes no more lines."""
        if name not in self._broken:
            self._broken.add(name)
            with contextlib.suppress(OSError, ValueError):
                os.write(2, f"A log cannot be written: {name}: {exc}\n".encode())


def write_console(data: bytes) -> None:
    """Write to standard output (a `Target`)."""
    while data:
        data = data[os.write(1, data) :]
