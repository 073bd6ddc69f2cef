from __future__ import annotations

import asyncio
import platform

import pytest

from mms import allocation
from mms_server import memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another libc's malloc")
async def test_what_a_burst_leaves_behind_is_given_back() -> None:
    tending = asyncio.create_task(memory.give_back_surplus(0.01))
    await asyncio.sleep(0)
    before = memory.resident_bytes()
    burst = [b"x" * 100_000 for _ in range(2000)]
    pin = b"x" * 2000  # lies behind it, so that malloc cannot give it back by itself
    assert memory.resident_bytes() - before > 180_000_000
    burst.clear()
    async with asyncio.timeout(20):
        while memory.resident_bytes() - before > allocation.KEPT_BYTES:
            await asyncio.sleep(0.005)
    assert pin
    tending.cancel()
