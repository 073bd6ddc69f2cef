"""In processes of their own: what is measured forks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.bodies.crossing import WAYS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memfd_create(2) is Linux's")

ROOT = Path(__file__).parents[4]

DAMAGING = """
from benchmarks.bodies.crossing import Socket, measure

class Damaging(Socket):
    def receive(self, sock, size_bytes):
        body = super().receive(sock, size_bytes)
        body[-1] ^= 1
        return body

measure(Damaging(10), 10, 1)
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


def test_bodies_cross_whole_every_way() -> None:
    options = ["--kilobytes", "1", "3000", "--rounds", "1", "--bytes-a-round", "6000000"]
    result = run("-m", "benchmarks.bodies.crossing", *options)
    assert result.returncode == 0, result.stderr
    lines = [line.split("|") for line in result.stdout.splitlines() if line.startswith("| ")]
    assert [line[2].strip() for line in lines] == ["way", *WAYS, *WAYS]


def test_a_body_that_came_otherwise_is_told() -> None:
    result = run("-c", DAMAGING)
    assert result.returncode == 1
    assert "a body came otherwise than it went" in result.stderr
