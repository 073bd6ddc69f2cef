"""The host's processors, memory and disk."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mms.metrics import system_metrics
from mms.metrics.system_metrics import CpuTimes, Memory

ALL = {
    "CPUUtilization": "Percent",
    "DiskAvailable": "Gigabytes",
    "DiskUsage": "Gigabytes",
    "DiskUtilization": "Percent",
    "MemoryAvailable": "Megabytes",
    "MemoryUsed": "Megabytes",
    "MemoryUtilization": "Percent",
}


def test_everything_this_host_can_tell() -> None:
    metrics = system_metrics.collect_all()
    expected = ALL if sys.platform == "linux" else {k: v for k, v in ALL.items() if "Disk" in k}
    assert {metric.name: metric.unit for metric in metrics} == expected
    for metric in metrics:
        value = float(metric.value)
        assert value >= 0
        assert metric.unit != "Percent" or value <= 100
        assert [str(dimension) for dimension in metric.dimensions] == ["Level:Host"]


def test_processor_times(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  10 20 30 40 50 60 70 80 9 9\ncpu0 1 2 3 4\n")
    assert system_metrics.read_cpu_times(str(stat)) == CpuTimes(busy=270, total=360)


def test_memory(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:   8000 kB\nMemFree:  1000 kB\nMemAvailable:  6000 kB\n")
    assert system_metrics.read_memory(str(meminfo)) == Memory(total=8000, available=6000)


def test_hosts_without_proc(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    assert system_metrics.read_cpu_times(nowhere) is None
    assert system_metrics.read_memory(nowhere) is None


@pytest.mark.parametrize(
    ("after", "percent"),
    [(CpuTimes(10, 40), 0.0), (CpuTimes(20, 50), 100.0), (CpuTimes(15, 70), 16.7)],
)
def test_busy_percent(after: CpuTimes, percent: float) -> None:
    assert system_metrics.busy_percent(CpuTimes(10, 40), after) == percent
