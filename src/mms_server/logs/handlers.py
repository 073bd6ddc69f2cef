"""What stands between Python's logging and the writer's thread."""

from __future__ import annotations

import copy
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence

from mms_server.logs.feed import STAMP
from mms_server.logs.writer import Outlet

MODEL_LOG = "MODEL_LOG"
"""The logger for what workers print, under Multi Model Server's name. Each line of a message of
its records stands for itself: a worker may print ten thousand of them in a second."""

_LEVELS = {logging.WARNING: "WARN", logging.CRITICAL: "FATAL"}
"""log4j's words where they are not Python's."""

_MAX_RECORDS = 50_000


class LineFormatter(logging.Formatter):
    """Formats records as Multi Model Server does: `date [LEVEL] thread logger - message`."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record; a traceback follows on lines of its own."""
        second = time.strftime(STAMP, time.localtime(record.created))
        level = _LEVELS.get(record.levelno, record.levelname)
        head = f"{second},{int(record.msecs):03d} [{level:5}] {record.threadName} {record.name}"
        text = f"{head} - {record.getMessage()}"
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            text = f"{text}\n{record.exc_text}"
        return text


class LinesFormatter(LineFormatter):
    """Formats each line of a message as `LineFormatter` does a message."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record of `MODEL_LOG`."""
        text = record.getMessage()
        first, break_, _ = text.partition("\n")
        line = copy.copy(record)
        line.msg, line.args = first, None
        formatted = super().format(line)
        if not break_:
            return formatted
        head = formatted.removesuffix(first)
        return head + text.replace("\n", f"\n{head}")


class LogHandler(logging.Handler):
    """Formats records on the calling thread and puts them into outlets.

    `may_drop` says whether records below ERROR may be lost when a buffer is full.
    """

    def __init__(
        self, *outlets: Outlet, may_drop: bool, formatter: LineFormatter | None = None
    ) -> None:
        super().__init__()
        self._outlets = outlets
        self._may_drop = may_drop
        self.setFormatter(formatter or LineFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        """Format and hand over; never waits for a disk."""
        try:
            line = self.format(record).encode("utf-8", "backslashreplace") + b"\n"
        except Exception:  # as logging.Handler asks: a bad record must not reach who logs it
            self.handleError(record)
            return
        may_drop = self._may_drop and record.levelno < logging.ERROR
        for outlet in self._outlets:
            outlet.put(line, may_drop=may_drop)


class RecordBuffer:
    """Records on their way to handlers that the operator has configured, and that may block."""

    name = "the handlers of --log-config"

    def __init__(self, wanted: threading.Event) -> None:
        self._wanted = wanted
        self._waiting: deque[tuple[Sequence[logging.Handler], logging.LogRecord]] = deque()
        self._dropped = 0

    def put(self, handlers: Sequence[logging.Handler], record: logging.LogRecord) -> None:
        """Have a record handled soon; one below ERROR is dropped when too many wait."""
        if len(self._waiting) >= _MAX_RECORDS and record.levelno < logging.ERROR:
            self._dropped += 1
            return
        self._waiting.append((handlers, record))
        self._wanted.set()

    def write_out(self) -> int:
        """Give records to their handlers; returns how many were dropped since."""
        for _ in range(len(self._waiting)):
            handlers, record = self._waiting.popleft()
            for handler in handlers:
                if record.levelno >= handler.level:
                    _handle(handler, record)
        dropped, self._dropped = self._dropped, 0
        return dropped


class DeferredHandler(logging.Handler):
    """Has other handlers do their work on the writer's thread."""

    def __init__(self, buffer: RecordBuffer, handlers: Sequence[logging.Handler]) -> None:
        super().__init__()
        self._buffer = buffer
        self._handlers = handlers

    def emit(self, record: logging.LogRecord) -> None:
        """Put a copy into the buffer; its message is made now, for its arguments may change."""
        text = record.getMessage()
        for line in text.split("\n") if record.name == MODEL_LOG else (text,):
            record = copy.copy(record)
            record.msg, record.args = line, None
            self._buffer.put(self._handlers, record)


def _handle(handler: logging.Handler, record: logging.LogRecord) -> None:
    try:
        handler.handle(record)
    except Exception:  # one that the operator wrote: it must not end the thread
        handler.handleError(record)
