from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from mms_server.huge_pages import with_huge_pages

_TWO_MIB = 2 * 1024 * 1024
_THP = Path("/sys/kernel/mm/transparent_hugepage")
_FAULTS = """
import resource
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
filled = b"x" * 64_000_000
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.fixture
def size(tmp_path: Path) -> Path:
    return tmp_path / "hpage_pmd_size"


@pytest.mark.parametrize(
    ("tunables", "expected"),
    [
        ("", "glibc.malloc.hugetlb=1"),
        ("glibc.malloc.arena_max=2", "glibc.malloc.arena_max=2:glibc.malloc.hugetlb=1"),
        ("glibc.malloc.hugetlb=0", "glibc.malloc.hugetlb=0"),
    ],
)
def test_malloc_is_told_unless_the_operator_has_done_so(
    size: Path, tunables: str, expected: str
) -> None:
    size.write_text(f"{_TWO_MIB}\n")
    environment = {"HOME": "/", "GLIBC_TUNABLES": tunables}
    given = with_huge_pages(environment, size)
    assert given == {"HOME": "/", "GLIBC_TUNABLES": expected}
    assert environment["GLIBC_TUNABLES"] == tunables, "the caller's own are left as they are"
    assert with_huge_pages(given, size) == given


@pytest.mark.parametrize("said", ["536870912\n", "0\n", "", "none"])
def test_pages_that_are_too_large_or_unknown_are_not_asked_for(size: Path, said: str) -> None:
    size.write_text(said)
    assert with_huge_pages({}, size) == {}


def test_a_kernel_without_huge_pages_is_not_asked_for_them(size: Path) -> None:
    assert with_huge_pages({"A": "b"}, size) == {"A": "b"}


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or platform.libc_ver()[1] < "2.35",
    reason="malloc asks for huge pages since glibc 2.35",
)
def test_memory_then_comes_in_huge_pages() -> None:
    if told(_THP / "hpage_pmd_size") != str(_TWO_MIB) or "[madvise]" not in told(_THP / "enabled"):
        pytest.skip("the kernel has no huge pages of 2 MiB, or none for programs that ask for them")
    assert faults({"GLIBC_TUNABLES": "glibc.malloc.hugetlb=0"}) > 15_000  # 64 MB in pages of 4 KiB
    assert faults({}) < 7_500  # some may be small: where no huge one is free


def told(setting: Path) -> str:
    return setting.read_text().strip() if setting.exists() else ""


def faults(environment: dict[str, str]) -> int:
    command = [sys.executable, "-I", "-S", "-c", _FAULTS]
    env = with_huge_pages(environment)
    return int(subprocess.run(command, env=env, capture_output=True, check=True).stdout)
