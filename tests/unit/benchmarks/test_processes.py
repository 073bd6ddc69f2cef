from __future__ import annotations

import os
import subprocess

import pytest

from benchmarks import processes
from benchmarks.errors import BenchError


@pytest.mark.parametrize(
    ("command_line", "is_one"),
    [
        ("/venv/bin/python /venv/lib/mms/model_service_worker.py --sock-type unix", True),
        ("python -m mms.worker --fd 5", True),
        ("java -cp x com.amazonaws.ml.mms.ModelServer", False),
        ("python -I -S guardian.py", False),
    ],
)
def test_workers_are_told_from_the_rest(command_line: str, is_one: bool) -> None:
    assert processes.is_worker(command_line) is is_one


def test_a_process_that_is_not_there_is_not_found() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        with pytest.raises(BenchError, match="looks like a worker"):
            processes.find("worker", [process.pid])
        assert process.stdin
        process.stdin.close()


def test_a_thread_that_waited_was_switched() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        before = processes.context_switches([process.pid])
        for _ in range(100):
            os.write(process.stdin.fileno(), b".")
            os.read(process.stdout.fileno(), 1)
        assert processes.context_switches([process.pid]) > before
        process.stdin.close()


def test_a_process_is_resident_with_what_it_shares() -> None:
    own = os.getpid()
    assert processes.resident_bytes(own) > processes.memory_bytes([own]) > 0
    assert processes.peak_bytes(own) > 0
