from __future__ import annotations

import os

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
    with pytest.raises(BenchError, match="looks like a worker"):
        processes.find("worker", [os.getpid()])
