"""The front end's own memory: what a burst of large bodies has left behind is given back."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from mms import allocation

_INTERVAL_S = 10.0
_STATM = Path("/proc/self/statm")


async def give_back_surplus(interval_s: float = _INTERVAL_S) -> None:
    """Give free memory back while the process has more than it may keep, until cancelled.

    malloc keeps to its bound only while nothing in use lies behind what is free, and a connection
    that came during the burst may lie there for hours. What counts is the growth since the call.
    """
    bound_bytes = resident_bytes() + allocation.KEPT_BYTES
    while True:
        await asyncio.sleep(interval_s)
        if resident_bytes() > bound_bytes:
            allocation.give_back()


def resident_bytes() -> int:
    """Read how much memory this process has now, pages shared with others included (proc(5))."""
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
