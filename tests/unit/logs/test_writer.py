from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import pytest

from mms_server.logs.writer import BUFFER_BYTES, LogWriter, Outlet


def fill(outlet: Outlet, line: bytes, count: int) -> None:
    for _ in range(count):
        outlet.put(line)


def test_lines_arrive_in_order_at_each_target() -> None:
    seen: dict[str, list[bytes]] = {"a": [], "b": []}
    writer = LogWriter()
    a, b = (writer.open(name, seen[name].append) for name in "ab")
    writer.start()
    for number in range(1000):
        a.put(b"%d - a\n" % number)
        if number % 2:
            b.put(b"%d b\n" % number)
    writer.close()
    assert b"".join(seen["a"]) == b"".join(b"%d - a\n" % n for n in range(1000))
    assert b"".join(seen["b"]) == b"".join(b"%d b\n" % n for n in range(1, 1000, 2))


def test_no_line_is_lost_between_threads() -> None:
    seen: list[bytes] = []
    writer = LogWriter()
    outlet = writer.open("x", seen.append)
    writer.start()
    threads = [threading.Thread(target=fill, args=(outlet, b"%d\n" % n, 20_000)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    lines = b"".join(seen).split()
    assert sorted(lines) == [b"0"] * 20_000 + [b"1"] * 20_000 + [b"2"] * 20_000


def test_flush_waits_for_what_came_before() -> None:
    seen: list[bytes] = []
    writer = LogWriter()
    outlet = writer.open("x", seen.append)
    writer.start()
    outlet.put(b"line\n")
    writer.flush()
    assert seen == [b"line\n"]
    writer.close()


def test_flush_does_not_wait_for_more_to_gather(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mms_server.logs.writer._GATHER_S", 60.0)
    seen: list[bytes] = []
    writer = LogWriter()
    outlet = writer.open("x", seen.append)
    writer.start()
    for number in range(3):
        outlet.put(b"%d" % number)
        writer.flush()  # gives up after a second
        assert b"".join(seen) == b"012"[: number + 1]
    writer.close()


def test_a_full_buffer_drops_what_may_be_dropped_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[bytes] = []
    writer = LogWriter()
    outlet = writer.open("slow.log", seen.append)
    line = b"x" * (1024 * 1024 - 1) + b"\n"
    fill(outlet, line, BUFFER_BYTES // len(line) + 5)
    outlet.put(b"an error\n", may_drop=False)
    writer.start()
    writer.close()
    written = b"".join(seen)
    assert written.count(b"x\n") == BUFFER_BYTES // len(line)
    assert written.endswith(b"an error\n")
    assert caplog.messages == ["5 lines were dropped: slow.log is too slow."]


def test_the_notice_of_dropped_lines_is_written_even_at_the_end() -> None:
    seen: list[bytes] = []
    writer = LogWriter()
    slow = writer.open("slow.log", lambda data: None)
    notices = writer.open("mms_log.log", seen.append)

    class Noting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            notices.put(record.getMessage().encode())

    handler = Noting()
    logging.getLogger("mms_server.logs").addHandler(handler)
    fill(slow, b"x" * BUFFER_BYTES, 2)
    writer.start()
    writer.close()
    logging.getLogger("mms_server.logs").removeHandler(handler)
    assert seen == [b"1 lines were dropped: slow.log is too slow."]


def failing_once() -> tuple[Callable[[bytes], None], list[bytes]]:
    seen: list[bytes] = []

    def target(data: bytes) -> None:
        seen.append(data)
        if len(seen) < 3:
            raise OSError(28, "No space left on device")

    return target, seen


def test_a_target_that_fails_costs_lines_and_no_more(capfd: pytest.CaptureFixture[str]) -> None:
    target, tried = failing_once()
    seen: list[bytes] = []
    writer = LogWriter()
    outlets = writer.open("full.log", target), writer.open("x", seen.append)
    writer.start()
    for number in range(4):
        for outlet in outlets:
            outlet.put(b"%d" % number)
        writer.flush()
    writer.close()
    assert seen == [b"0", b"1", b"2", b"3"]
    assert tried == [b"0", b"1", b"2", b"3"]
    complaint = "A log cannot be written: full.log: [Errno 28] No space left on device\n"
    assert capfd.readouterr().err == complaint
