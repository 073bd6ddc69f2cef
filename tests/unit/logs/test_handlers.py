from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable

import pytest

from mms_server.logs import handlers
from mms_server.logs.handlers import (
    MODEL_LOG,
    DeferredHandler,
    LineFormatter,
    LinesFormatter,
    LogHandler,
    RecordBuffer,
)
from mms_server.logs.writer import Outlet


def record(level: int = logging.INFO, message: str = "m", *args: object) -> logging.LogRecord:
    made = logging.LogRecord("mms_server.x", level, "", 0, message, args, None)
    made.created, made.msecs = 0.0, 7.9
    return made


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        (logging.DEBUG, "[DEBUG]"),
        (logging.INFO, "[INFO ]"),
        (logging.WARNING, "[WARN ]"),
        (logging.ERROR, "[ERROR]"),
        (logging.CRITICAL, "[FATAL]"),
    ],
)
def test_records_look_as_in_mms(level: int, shown: str) -> None:
    text = LineFormatter().format(record(level, "%d models", 3))
    assert text[4:5] == "-"
    assert text[10:11] == "T"
    assert text[19:] == f",007 {shown} MainThread mms_server.x - 3 models"


def test_a_traceback_follows() -> None:
    try:
        raise ValueError("why")
    except ValueError:
        made = record()
        made.exc_info = sys.exc_info()
    lines = LineFormatter().format(made).splitlines()
    assert lines[0].endswith(" - m")
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == "ValueError: why"


def test_each_line_of_what_workers_print_stands_for_itself() -> None:
    made = record(logging.WARNING, "%s", "W-9000-m one\nW-9000-m \nW-9000-m one")
    lines = LinesFormatter().format(made).split("\n")
    single = LineFormatter().format(record(logging.WARNING, "W-9000-m one"))
    assert lines == [single, single.replace(" one", " "), single]
    assert LinesFormatter().format(record(logging.WARNING, "W-9000-m one")) == single


def test_errors_are_not_dropped_and_surrogates_do_no_harm() -> None:
    seen: list[bytes] = []
    outlet = Outlet("x", seen.append, threading.Event())
    outlet.put(b"x" * 16 * 1024 * 1024)
    handler = LogHandler(outlet, may_drop=True)
    handler.handle(record(logging.WARNING, "dropped"))
    handler.handle(record(logging.ERROR, "kept \udcff"))
    assert outlet.write_out() == 1
    assert seen[0].lstrip(b"x").endswith(b" - kept \\udcff\n")
    assert b"dropped" not in seen[0]


def test_a_record_that_cannot_be_formatted_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    LogHandler(may_drop=False).handle(record(logging.INFO, "%d", "x"))
    assert "--- Logging error ---" in capsys.readouterr().err


class Doing(logging.Handler):
    def __init__(self, do: Callable[[logging.LogRecord], object], level: int = 0) -> None:
        super().__init__(level)
        self.emit = do  # type: ignore[method-assign, assignment]  # in place of a class per test


def test_configured_handlers_work_later_with_what_was_meant_now() -> None:
    seen: list[str] = []
    buffer = RecordBuffer(threading.Event())
    configured = (
        Doing(lambda r: seen.append(r.getMessage())),
        Doing(lambda r: seen.clear(), logging.ERROR),
    )
    mutable = ["before"]
    DeferredHandler(buffer, configured).handle(record(logging.INFO, "%s", mutable))
    mutable[0] = "after"
    assert seen == []
    assert buffer.write_out() == 0
    assert seen == ["['before']"]


def test_a_configured_handler_that_raises_does_no_harm(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(record: logging.LogRecord) -> None:
        raise RuntimeError("a defect of the operator's")

    seen: list[logging.LogRecord] = []
    buffer = RecordBuffer(threading.Event())
    DeferredHandler(buffer, [Doing(fail), Doing(seen.append)]).handle(record())
    buffer.write_out()
    assert len(seen) == 1
    assert "a defect of the operator's" in capsys.readouterr().err


def test_records_wait_in_bounds_except_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "_MAX_RECORDS", 2)
    seen: list[logging.LogRecord] = []
    buffer = RecordBuffer(threading.Event())
    handler = DeferredHandler(buffer, [Doing(seen.append)])
    for level in (logging.INFO, logging.INFO, logging.INFO, logging.ERROR):
        handler.handle(record(level))
    assert buffer.write_out() == 1
    assert [r.levelno for r in seen] == [logging.INFO, logging.INFO, logging.ERROR]


def test_handlers_of_the_operator_get_each_line_that_a_worker_printed() -> None:
    seen: list[str] = []
    buffer = RecordBuffer(threading.Event())
    handler = DeferredHandler(buffer, (Doing(lambda made: seen.append(made.getMessage())),))
    for name in (MODEL_LOG, "other"):
        made = record(logging.INFO, "%s", "a\nb")
        made.name = name
        handler.handle(made)
    buffer.write_out()
    assert seen == ["a", "b", "a\nb"]
