from __future__ import annotations

import asyncio
import contextlib

import pytest

from mms_server.metrics import host


async def test_the_host_is_measured_until_cancelled() -> None:
    seen: list[bytes] = []
    task = asyncio.create_task(host.report_host(seen.append, 0.001))
    async with asyncio.timeout(20):
        while len(seen) < 15:
            await asyncio.sleep(0.005)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    names = [line.partition(b".")[0] for line in seen]
    assert names[:7] == names[7:14]
    assert {b"DiskAvailable", b"DiskUsage", b"DiskUtilization"} <= set(names)
    assert all(line.endswith(b"\n") and b"|#Level:Host|" in line for line in seen)


async def test_a_host_that_tells_nothing_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise PermissionError("/proc/stat")

    monkeypatch.setattr(host, "collect_all", fail)
    await host.report_host(print, 1.0)
    assert "cannot be measured: /proc/stat" in caplog.text
