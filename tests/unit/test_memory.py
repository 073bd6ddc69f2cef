from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_BURST = """
import asyncio

from mms import allocation
from mms_server import memory

async def main():
    tending = asyncio.create_task(memory.give_back_surplus(0.01))
    await asyncio.sleep(0)
    before = memory.resident_bytes()
    burst = [b"x" * 100_000 for _ in range(2000)]
    print("grown", memory.resident_bytes() - before > 180_000_000)
    del burst[:-1]  # the last lies behind the rest, so that malloc cannot give it back by itself
    async with asyncio.timeout(20):
        while memory.resident_bytes() - before > allocation.KEPT_BYTES:
            await asyncio.sleep(0.005)
    print("given back")
    tending.cancel()

asyncio.run(main())
"""
"""In a process of its own, for a burst would first fill what other tests have freed."""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another libc's malloc")
def test_what_a_burst_leaves_behind_is_given_back() -> None:
    command = [sys.executable, "-c", _BURST]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.stdout, ended.stderr) == ("grown True\ngiven back\n", "")
