"""Memory for large bodies: not filled before it is read into, and kept for the next body.

By default glibc gives large memory back to the kernel at every `free`, and takes it anew for the
next body: a page fault for each 4 KiB of it, which costs several times what copying the body does.
It moves its thresholds by itself, but only by the sizes of single objects: a body that came in
pieces is given back as a whole.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any, Final, Mapping

KEPT_BYTES: Final = 64 * 1024 * 1024
"""The most freed memory that a process keeps at the end of its heap; more goes to the kernel."""
MAPPED_FROM_BYTES: Final = 32 * 1024 * 1024
"""Objects from here on are mapped, and given back when they are freed.

This and twice this are where glibc's own thresholds end on their way up (mallopt(3),
`DEFAULT_MMAP_THRESHOLD_MAX`); here they start there.
"""

# malloc.h
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3

_OPERATORS_SETTINGS: Final = (
    "MALLOC_TRIM_THRESHOLD_",
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_TOP_PAD_",
    "MALLOC_MMAP_MAX_",
)
_HUGE: Final = "glibc.malloc.hugetlb"
"""A tunable that does not say what is kept: whether memory comes in huge pages."""


def keep_freed_memory(environment: Mapping[str, str] = os.environ) -> bool:
    """Have malloc keep freed memory within the bounds above; returns whether it will.

    It will not where the operator has tuned it in the environment, nor without glibc.
    """
    libc = _glibc()
    tunables = environment.get("GLIBC_TUNABLES", "").split(":")
    is_tuned = any(each.startswith("glibc.malloc.") for each in tunables if _HUGE not in each)
    if libc is None or is_tuned or any(name in environment for name in _OPERATORS_SETTINGS):
        return False
    kept = libc.mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)
    mapped = libc.mallopt(_M_MMAP_THRESHOLD, MAPPED_FROM_BYTES)
    return bool(kept and mapped)


def give_back() -> None:
    """Give all free memory back to the kernel, also what lies below something small in use."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def unfilled(size_bytes: int) -> bytearray:
    """Make a bytearray to read into; what it holds is anything, and to be overwritten whole.

    `bytearray(n)` fills it with zeros, which takes as long as the reading does.
    """
    if sys.implementation.name != "cpython":
        return bytearray(size_bytes)
    make = ctypes.pythonapi.PyByteArray_FromStringAndSize  # it copies nothing from NULL
    make.argtypes, make.restype = [ctypes.c_char_p, ctypes.c_ssize_t], ctypes.py_object
    buffer: bytearray = make(None, size_bytes)
    return buffer


def _glibc() -> Any:
    """Find the C library, None if it is not glibc: musl and macOS have no mallopt."""
    try:
        libc = ctypes.CDLL(None)
    except OSError:
        return None
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None
