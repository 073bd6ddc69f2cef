"""Huge pages for what malloc takes: a page fault for each 2 MiB in place of each 4 KiB."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

_VARIABLE: Final = "GLIBC_TUNABLES"
_TUNABLE: Final = "glibc.malloc.hugetlb"
"""With 1, malloc asks for transparent huge pages by madvise(2). Since glibc 2.35 (The GNU C Library
Reference Manual, Memory Allocation Tunables); others take no notice."""

_SIZE: Final = Path("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")
_LARGEST_BYTES: Final = 2 * 1024 * 1024
"""The heap grows by whole huge pages. With base pages of 64 KiB, as some kernels for aarch64 have
them, one is 512 MiB."""


def with_huge_pages(environment: Mapping[str, str], size: Path = _SIZE) -> dict[str, str]:
    """Return the variables for a process whose malloc is to ask for huge pages.

    They are unchanged where the operator has said otherwise (`GLIBC_TUNABLES`), and where `size`
    says that the kernel has none, or only larger ones than a small process can afford.
    """
    tunables = environment.get(_VARIABLE, "")
    if _TUNABLE in tunables or not 0 < _page_bytes(size) <= _LARGEST_BYTES:
        return dict(environment)
    return {**environment, _VARIABLE: ":".join(filter(None, (tunables, f"{_TUNABLE}=1")))}


def _page_bytes(size: Path) -> int:
    try:
        return int(size.read_text())
    except (OSError, ValueError):
        return 0
