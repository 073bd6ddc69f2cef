from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mms_server import logs
from mms_server.logs import BUFFER_BYTES, LogWriter, RotatingFile


def test_lines_arrive_in_order_at_each_target() -> None:
    seen: dict[str, bytes] = {"a": b"", "b": b""}

    def target(name: str) -> logs.Target:
        def write(data: bytes) -> None:
            seen[name] += data

        return write

    a, b = target("a"), target("b")
    writer = LogWriter()
    writer.start()
    for number in range(1000):
        writer.write((a, b) if number % 2 else (a,), b"%d\n" % number, may_drop=False)
    writer.close()
    assert seen["a"] == b"".join(b"%d\n" % n for n in range(1000))
    assert seen["b"] == b"".join(b"%d\n" % n for n in range(1, 1000, 2))


def test_flush_waits_for_what_came_before() -> None:
    seen: list[bytes] = []
    writer = LogWriter()
    writer.start()
    writer.write((seen.append,), b"line\n", may_drop=False)
    writer.flush()
    assert seen == [b"line\n"]
    writer.close()


def test_a_full_buffer_drops_what_may_be_dropped_and_says_so() -> None:
    seen: list[bytes] = []
    is_open = threading.Event()

    def slow(data: bytes) -> None:
        is_open.wait()
        seen.append(data)

    writer = LogWriter()
    line = b"x" * (1024 * 1024 - 1) + b"\n"
    for _ in range(BUFFER_BYTES // len(line) + 5):
        writer.write((slow,), line, may_drop=True)
    writer.write((slow,), b"an error\n", may_drop=False)
    is_open.set()
    writer.start()
    writer.close()
    written = b"".join(seen)
    assert written.count(b"x\n") == BUFFER_BYTES // len(line)
    assert b"an error\n5 lines of workers were dropped" in written


def test_a_target_that_fails_costs_lines_and_no_more(capfd: pytest.CaptureFixture[str]) -> None:
    seen: list[bytes] = []

    def full(data: bytes) -> None:
        raise OSError(28, "No space left on device")

    writer = LogWriter()
    writer.start()
    for _ in range(3):
        writer.write((full, seen.append), b"line\n", may_drop=False)
        writer.flush()
    writer.close()
    assert seen == [b"line\n"] * 3
    assert capfd.readouterr().err.count("A log cannot be written") == 1


def test_files_rotate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "ROTATE_BYTES", 10)
    file = RotatingFile(tmp_path / "x.log")
    for number in range(8):
        file(b"line %d\n" % number)
    file.close()
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["x.log", *(f"x.log.{n}" for n in range(1, logs.KEPT_FILES + 1))]
    assert (tmp_path / "x.log").read_bytes() == b"line 7\n"
    assert (tmp_path / "x.log.1").read_bytes() == b"line 6\n"


PROGRAM = """
import logging, sys
from pathlib import Path
from mms_server import logs
writer = logs.setup(Path(sys.argv[1]))
logging.getLogger("mms_server").info("from the server")
logging.getLogger(logs.MODEL_LOG).info("from a worker")
writer.close()
print("ended", file=sys.stderr)
"""


def test_setup_separates_the_logs_and_shows_all_on_the_console(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "logs")], capture_output=True, text=True
    )
    assert "from the server" in done.stdout
    assert "from a worker" in done.stdout
    server_log = (tmp_path / "logs" / "mms_log.log").read_text()
    assert "[INFO] MainThread mms_server - from the server\n" in server_log
    assert "from a worker" not in server_log
    assert "from a worker" in (tmp_path / "logs" / "model_log.log").read_text()


def test_a_console_that_is_gone_is_survived(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=write_end, stderr=subprocess.PIPE
    )
    os.close(write_end)
    assert done.returncode == 0
    assert b"ended" in done.stderr
    assert "from the server" in (tmp_path / "mms_log.log").read_text()


def test_nothing_is_left_on_the_root_logger() -> None:
    assert not any(isinstance(h, logs.LogHandler) for h in logging.getLogger().handlers)
