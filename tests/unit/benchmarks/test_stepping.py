from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from benchmarks import stepping
from benchmarks.errors import BenchError
from benchmarks.stepping import SteppingError
from support.stepping import skipped_where_forbidden

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is no ptrace(2)")

_COUNTING = """
import os, signal

signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b"signal"))
while asked := os.read(0, 1):
    for _ in range(asked[0]):
        pass
    os.write(1, b".")
"""
"""Counts to the byte that it reads, and answers."""


@pytest.fixture
def counting() -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", _COUNTING]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        _ask(process, 1)  # it has started: to step through that would take minutes
        yield process
        process.kill()


def _ask(process: subprocess.Popen[bytes], number: int) -> None:
    assert process.stdin
    assert process.stdout
    os.write(process.stdin.fileno(), bytes([number]))
    if not os.read(process.stdout.fileno(), 1):
        raise ConnectionError


def _count(process: subprocess.Popen[bytes], number: int) -> int:
    with skipped_where_forbidden():
        return min(stepping.count(process.pid, lambda: _ask(process, number), times=2))


def test_each_turn_of_a_loop_is_counted_and_what_comes_with_it_once(
    counting: subprocess.Popen[bytes],
) -> None:
    for _ in range(100):
        _ask(counting, 10)
    once, twice, thrice = (_count(counting, number) for number in (50, 100, 150))
    assert thrice - twice == pytest.approx(twice - once, rel=0.02)
    assert twice - once > 50 * 4


def test_a_process_goes_on_once_it_is_counted(counting: subprocess.Popen[bytes]) -> None:
    _count(counting, 1)
    _ask(counting, 1)
    assert counting.poll() is None


def test_a_signal_reaches_the_process(counting: subprocess.Popen[bytes]) -> None:
    output = counting.stdout
    assert output

    def ask() -> None:
        os.kill(counting.pid, signal.SIGUSR1)
        seen = b""
        while not seen.endswith(b"signal"):
            seen += os.read(output.fileno(), 64)

    with skipped_where_forbidden():
        assert min(stepping.count(counting.pid, ask, times=1)) > 0


def test_a_process_that_ends_is_an_error(counting: subprocess.Popen[bytes]) -> None:
    def ask() -> None:
        os.kill(counting.pid, signal.SIGKILL)  # Popen's kill would poll, and take a step's stop
        _ask(counting, 1)

    with skipped_where_forbidden(), pytest.raises(BenchError, match=r"ended|does not answer"):
        stepping.count(counting.pid, ask, times=1)


def test_a_process_that_does_not_answer_is_ended(counting: subprocess.Popen[bytes]) -> None:
    def ask() -> None:
        raise TimeoutError("timed out")

    with skipped_where_forbidden(), pytest.raises(BenchError, match="does not answer: timed out"):
        stepping.count(counting.pid, ask, times=1)
    counting.wait()


def test_a_process_that_may_not_be_traced_is_told_from_one_that_fails() -> None:
    with pytest.raises(SteppingError, match="cannot be traced"):
        stepping.count(os.getpid(), lambda: None, times=1)
