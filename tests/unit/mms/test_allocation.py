from __future__ import annotations

import json
import platform
import subprocess
import sys

import pytest

from mms import allocation

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="another libc's malloc is left as it is"
)

MEASURE = """
import json, os, resource, sys
from mms import allocation

def body(megabytes):
    return [b"x" * 250_000 for _ in range(4 * megabytes)]

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def resident_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
"""

FAULTS = """
keeps = sys.argv[1] == "keep" and allocation.keep_freed_memory()
for _ in range(5):
    body(10)
before = faults()
for _ in range(5):
    body(10)
print(json.dumps([keeps, faults() - before]))
"""

PINNED = """
allocation.keep_freed_memory()
before = resident_bytes()
large = body(300)
pin = b"x" * 2000  # lies behind them, and stays
most = resident_bytes() - before
del large
allocation.give_back()
print(json.dumps([most, resident_bytes() - before]))
"""


def measure(code: str, *arguments: str) -> tuple[int, int]:
    command = [sys.executable, "-c", MEASURE + code, *arguments]
    answer = subprocess.run(command, capture_output=True, check=True, timeout=60)
    first, second = json.loads(answer.stdout)
    return first, second


def test_the_memory_of_a_body_in_pieces_serves_the_next_one() -> None:
    keeps, faults = measure(FAULTS, "keep")
    assert keeps
    assert faults < 1000
    _, faults = measure(FAULTS, "leave")
    assert faults > 5000  # what the settings are for: 5 bodies of 2,441 pages


def test_free_memory_goes_back_though_something_in_use_lies_behind_it() -> None:
    most_bytes, left_bytes = measure(PINNED)
    assert most_bytes > 280_000_000
    assert left_bytes < 20_000_000


@pytest.mark.parametrize(
    "environment",
    [
        {"MALLOC_TRIM_THRESHOLD_": "131072"},
        {"MALLOC_MMAP_THRESHOLD_": "131072"},
        {"GLIBC_TUNABLES": "glibc.rtld.nns=2:glibc.malloc.trim_threshold=131072"},
    ],
)
def test_what_the_operator_has_set_stands(environment: dict[str, str]) -> None:
    assert not allocation.keep_freed_memory(environment)


def test_memory_in_huge_pages_is_kept_too() -> None:
    assert allocation.keep_freed_memory({"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"})


@pytest.mark.parametrize("size", [0, 1, 1000, 5_000_000])
def test_an_unfilled_buffer_is_a_bytearray_like_any_other(size: int) -> None:
    buffer = allocation.unfilled(size)
    assert type(buffer) is bytearray
    assert len(buffer) == size
    buffer[:] = b"x" * size
    buffer += b"y"
    assert buffer == b"x" * size + b"y"
