"""The host's processors, memory and root disk as metrics, under the names that MMS gives them.

Standard library only. Processors and memory are read from Linux's /proc; where there is none
(macOS) those functions return None.
"""

from __future__ import annotations

import shutil
import time
from typing import NamedTuple

from mms.metrics.dimension import Dimension
from mms.metrics.metric import Metric

_KIB_PER_MIB = 1024
_BYTES_PER_GIB = 1024**3


class CpuTimes(NamedTuple):
    """Time of all processors since the host started, in clock ticks."""

    busy: int
    total: int


class Memory(NamedTuple):
    """The host's memory in KiB; `available` includes caches that the kernel can drop."""

    total: int
    available: int


def cpu_utilization(interval_s: float = 0.1) -> Metric | None:
    """Measure how busy all processors are; blocks for the interval."""
    before = read_cpu_times()
    time.sleep(interval_s)
    after = read_cpu_times()
    if before is None or after is None:
        return None
    return _host_metric("CPUUtilization", busy_percent(before, after), "percent")


def memory_used() -> Metric | None:
    """Return the memory that is not available, in MB."""
    memory = read_memory()
    used = memory and (memory.total - memory.available) / _KIB_PER_MIB
    return None if used is None else _host_metric("MemoryUsed", used, "MB")


def memory_available() -> Metric | None:
    """Return the memory that programs can still get without swapping, in MB."""
    memory = read_memory()
    return memory and _host_metric("MemoryAvailable", memory.available / _KIB_PER_MIB, "MB")


def memory_utilization() -> Metric | None:
    """Return the share of memory that is not available."""
    memory = read_memory()
    if memory is None:
        return None
    used = memory.total - memory.available
    return _host_metric("MemoryUtilization", round(100 * used / memory.total, 1), "percent")


def disk_used() -> Metric:
    """Return what is used of the root file system, in GB."""
    return _host_metric("DiskUsage", shutil.disk_usage("/").used / _BYTES_PER_GIB, "GB")


def disk_available() -> Metric:
    """Return what unprivileged users can still write to the root file system, in GB."""
    return _host_metric("DiskAvailable", shutil.disk_usage("/").free / _BYTES_PER_GIB, "GB")


def disk_utilization() -> Metric:
    """Return the used share of what unprivileged users have of the root file system."""
    disk = shutil.disk_usage("/")
    percent = round(100 * disk.used / (disk.used + disk.free), 1)
    return _host_metric("DiskUtilization", percent, "percent")


def collect_all() -> list[Metric]:
    """Measure everything that this host can tell."""
    metrics = (
        cpu_utilization(),
        disk_available(),
        disk_used(),
        disk_utilization(),
        memory_available(),
        memory_used(),
        memory_utilization(),
    )
    return [metric for metric in metrics if metric is not None]


def busy_percent(before: CpuTimes, after: CpuTimes) -> float:
    """Return how busy the processors were between two readings: 0 to 100."""
    total = after.total - before.total
    return round(100 * (after.busy - before.busy) / total, 1) if total > 0 else 0.0


def read_cpu_times(path: str = "/proc/stat") -> CpuTimes | None:
    """Read the first line of Linux's proc_stat(5); None where there is no such file.

    Columns: user nice system idle iowait irq softirq steal guest guest_nice. The last two are
    already part of user and nice.
    """
    try:
        with open(path, encoding="ascii") as file:
            ticks = [int(text) for text in file.readline().split()[1:9]]
    except FileNotFoundError:
        return None
    idle = sum(ticks[3:5])
    return CpuTimes(sum(ticks) - idle, sum(ticks))


def read_memory(path: str = "/proc/meminfo") -> Memory | None:
    """Read Linux's proc_meminfo(5); None where there is no such file."""
    try:
        with open(path, encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
    except FileNotFoundError:
        return None
    return Memory(*(int(fields[key].split()[0]) for key in ("MemTotal", "MemAvailable")))


def _host_metric(name: str, value: float, unit: str) -> Metric:
    return Metric(name, value, unit, [Dimension("Level", "Host")])
