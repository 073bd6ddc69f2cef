from __future__ import annotations

import logging
from pathlib import Path

import pytest

from mms_server.workers.devices import Devices, count_gpus
from support.workshop import Workshop

GPU = """
def handle(data, context):
    return [str(context.system_properties["gpu_id"])] * len(data or [])
"""


@pytest.fixture
def write_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole path: what is written there as nvidia-smi is found."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "nvidia-smi"


def install(tool: Path, script: str) -> None:
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)


def test_gpus_are_counted_and_capped(write_tool: Path) -> None:
    install(write_tool, '[ "$*" = "--query-gpu=index --format=csv,noheader" ] && printf "0\\n1\\n"')
    assert count_gpus() == 2
    assert [count_gpus(limit) for limit in (0, 1, 2, 9)] == [0, 1, 2, 2]


def test_without_the_tool_there_are_none(
    write_tool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert count_gpus(4) == 0
    assert caplog.records == []


def test_a_tool_that_fails_is_reported(write_tool: Path, caplog: pytest.LogCaptureFixture) -> None:
    install(write_tool, "echo 'no driver'; exit 9")
    with caplog.at_level(logging.WARNING):
        assert count_gpus() == 0
    assert "nvidia-smi cannot tell" in caplog.text


@pytest.mark.parametrize(("gpus", "dealt"), [(0, [None] * 4), (1, [0] * 4), (3, [1, 2, 0, 1])])
def test_gpus_are_dealt_in_turn(gpus: int, dealt: list[int | None]) -> None:
    devices = Devices(gpus)
    assert [devices.next_gpu() for _ in range(4)] == dealt


@pytest.mark.parametrize("preload", [False, True])
async def test_workers_are_told_their_gpu(workshop: Workshop, *, preload: bool) -> None:
    workshop.launcher.devices = Devices(2)
    first, second = workshop.serve(GPU, preload=preload), workshop.serve(GPU, preload=preload)
    assert [await served.scale(1) and served.worker.gpu_id for served in (first, second)] == [1, 0]
    assert (await first.predict(), await second.predict()) == (b"1", b"0")
