from __future__ import annotations

import logging
import re
import threading
import time

import pytest

from mms_server.logs.feed import Clock, Feed, RecordFeed
from mms_server.logs.writer import BUFFER_BYTES, Outlet

NOON_NS = int(time.mktime((2026, 11, 25, 12, 0, 0, 0, 0, -1))) * 1_000_000_000


def test_the_clock_shows_milliseconds_and_moves() -> None:
    times = iter([7_000_000, 7_999_999, 8_000_000, 1_000_000_000])
    clock = Clock(lambda: NOON_NS + next(times))
    assert [clock.stamp() for _ in range(4)] == [
        b"2026-11-25T12:00:00,007\0",
        b"2026-11-25T12:00:00,007\0",
        b"2026-11-25T12:00:00,008\0",
        b"2026-11-25T12:00:01,000\0",
    ]


def make_feed(file: list[bytes], console: list[bytes]) -> tuple[Feed, Outlet, threading.Event]:
    wanted = threading.Event()
    outlet = Outlet("the console", console.append, wanted)
    return Feed("ACCESS_LOG", Clock(lambda: NOON_NS), file.append, outlet, wanted), outlet, wanted


def test_lines_are_stamped_for_their_file_and_for_the_console() -> None:
    file: list[bytes] = []
    console: list[bytes] = []
    feed, outlet, wanted = make_feed(file, console)
    for line in (b"a line\n", b"another - line\n"):
        feed.write(line)
    assert wanted.is_set()
    assert (feed.write_out(), outlet.write_out()) == (0, 0)
    stamp = b"2026-11-25T12:00:00,000"
    assert file == [b"%s - a line\n%s - another - line\n" % (stamp, stamp)]
    between = b" [INFO ] MainThread ACCESS_LOG - "
    assert console == [b"%s%sa line\n%s%sanother - line\n" % (stamp, between, stamp, between)]


def test_a_full_buffer_drops_lines_and_counts_them() -> None:
    file: list[bytes] = []
    feed, _, _ = make_feed(file, [])
    line = b"x" * (BUFFER_BYTES // 4 - 1) + b"\n"
    for _ in range(7):
        feed.write(line)
    assert feed.write_out() == 2
    assert file[0].count(b"x\n") == 5
    feed.write(b"again\n")
    assert feed.write_out() == 0
    assert file[1].endswith(b" - again\n")


def test_the_console_gets_what_a_broken_file_does_not() -> None:
    console: list[bytes] = []

    def full(data: bytes) -> None:
        raise OSError(28, "No space left on device")

    wanted = threading.Event()
    outlet = Outlet("the console", console.append, wanted)
    feed = Feed("ACCESS_LOG", Clock(), full, outlet, wanted)
    feed.write(b"a line\n")
    with pytest.raises(OSError, match="No space"):
        feed.write_out()
    outlet.write_out()
    assert console[0].endswith(b" ACCESS_LOG - a line\n")


def test_the_time_of_day_is_the_default() -> None:
    assert re.fullmatch(rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d,\d{3}\0", Clock().stamp())


def test_lines_become_records_for_a_logger_with_handlers() -> None:
    seen: list[logging.LogRecord] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record)

    target = logging.Logger("ACCESS_LOG")
    target.addHandler(Keeping())
    RecordFeed(target).write(b"100 %s \xff\n")
    assert [(r.name, r.levelname, r.getMessage()) for r in seen] == [
        ("ACCESS_LOG", "INFO", "100 %s \ufffd")
    ]
