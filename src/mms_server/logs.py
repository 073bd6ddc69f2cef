"""Logging that never makes the event loop wait.

Records are formatted where they are logged and put in a bounded buffer; one thread writes what
has gathered every 50 ms. A disk that is full or a terminal that is gone costs lines, counted,
never requests.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

MODEL_LOG = "MODEL_LOG"
"""Name of the logger for what workers print."""

BUFFER_BYTES = 16 * 1024 * 1024
ROTATE_BYTES = 100 * 1024 * 1024
KEPT_FILES = 5
"""As in Multi Model Server's log4j2 configuration, less its daily rotation."""

_GATHER_S = 0.05
_FORMAT = "%(asctime)s [%(levelname)s] %(threadName)s %(name)s - %(message)s"

Target = Callable[[bytes], None]


class RotatingFile:
    """Appends to a file, and starts another when it is large. Writer thread only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1
        self._size_bytes = 0

    def __call__(self, data: bytes) -> None:
        """Write; raises OSError when the disk does not take it."""
        if self._fd < 0:
            self._open()
        elif self._size_bytes + len(data) > ROTATE_BYTES:
            self._rotate()
        os.write(self._fd, data)
        self._size_bytes += len(data)

    def _open(self) -> None:
        self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._size_bytes = os.fstat(self._fd).st_size

    def _rotate(self) -> None:
        os.close(self._fd)
        self._fd = -1
        for number in range(KEPT_FILES - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                older.replace(self._numbered(number + 1))
        self._path.replace(self._numbered(1))
        self._open()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class LogWriter:
    """A bounded buffer of lines for each target, and the thread that writes them.

    `write` is for any thread. When the buffer is full, lines of workers are dropped and counted;
    lines of the server never are. The thread sleeps while there is nothing to write.
    """

    def __init__(self) -> None:
        self._lines: deque[tuple[Target, bytes]] = deque()
        self._size_bytes = 0
        self._dropped = 0
        self._is_closed = False
        self._condition = threading.Condition()
        self._broken: set[int] = set()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def write(self, targets: tuple[Target, ...], line: bytes, *, may_drop: bool) -> None:
        """Have a line written to each target, soon."""
        with self._condition:
            if may_drop and self._size_bytes + len(line) > BUFFER_BYTES:
                self._dropped += 1
                return
            for target in targets:
                self._lines.append((target, line))
            self._size_bytes += len(line)
            self._condition.notify()

    def flush(self) -> None:
        """Wait until all that was handed over before has been written, a second at most."""
        written = threading.Event()
        self.write((lambda _: written.set(),), b"", may_drop=False)
        written.wait(timeout=1.0)

    def close(self) -> None:
        """Write what is left, and end the thread."""
        with self._condition:
            self._is_closed = True
            self._condition.notify()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            with self._condition:
                while not self._lines and not self._is_closed:
                    self._condition.wait()
            if not self._is_closed:
                pause.wait(_GATHER_S)  # let more lines gather
            with self._condition:
                lines, self._lines = self._lines, deque()
                self._size_bytes = 0
                dropped, self._dropped = self._dropped, 0
                is_last = self._is_closed
            self._write_all(lines, dropped)
            if is_last:
                return

    def _write_all(self, lines: deque[tuple[Target, bytes]], dropped: int) -> None:
        by_target: dict[int, tuple[Target, list[bytes]]] = {}
        for target, line in lines:
            by_target.setdefault(id(target), (target, []))[1].append(line)
        for key, (target, parts) in by_target.items():
            if dropped:
                parts.append(b"%d lines of workers were dropped: the log was full.\n" % dropped)
            try:
                target(b"".join(parts))
                self._broken.discard(key)
            except OSError as exc:
                self._complain(key, exc)

    def _complain(self, key: int, exc: OSError) -> None:
        """Say once, on what is left of standard error, that a target takes no more lines."""
        if key not in self._broken:
            self._broken.add(key)
            with contextlib.suppress(OSError, ValueError):
                os.write(2, f"A log cannot be written: {exc}\n".encode())


class LogHandler(logging.Handler):
    """Formats records on the calling thread and hands them to a writer."""

    def __init__(self, writer: LogWriter, targets: tuple[Target, ...], *, may_drop: bool) -> None:
        super().__init__()
        self._writer = writer
        self._targets = targets
        self._may_drop = may_drop
        self.setFormatter(logging.Formatter(_FORMAT))

    def emit(self, record: logging.LogRecord) -> None:
        """Format and hand over; never waits for a disk."""
        try:
            line = self.format(record).encode("utf-8", "backslashreplace") + b"\n"
        except Exception:
            self.handleError(record)
            return
        may_drop = self._may_drop and record.levelno < logging.ERROR
        self._writer.write(self._targets, line, may_drop=may_drop)


def setup(folder: Path) -> LogWriter:
    """Log to `mms_log.log` and `model_log.log` in a folder, and all of it to standard output.

    Raises OSError when the folder cannot be made. Call `close` on the result before the end.
    """
    folder.mkdir(parents=True, exist_ok=True)
    writer = LogWriter()
    server_log = RotatingFile(folder / "mms_log.log")
    model_log = RotatingFile(folder / "model_log.log")
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(LogHandler(writer, (_console, server_log), may_drop=False))
    models = logging.getLogger(MODEL_LOG)
    models.propagate = False
    models.addHandler(LogHandler(writer, (_console, model_log), may_drop=True))
    writer.start()
    return writer


def _console(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]
