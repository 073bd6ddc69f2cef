"""How many threads an engine should have: this worker's share of the cores it may use.

More threads than cores hinder each other, and in a container the cores of the machine are not the
cores of the worker. This file reads the kernel's files on Linux; elsewhere all cores count.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Iterator

if TYPE_CHECKING:
    from mms.context import Context

SHARE = "share"
"""In a signature's `threads`: as many as the worker's share of the cores."""

_V2_FILE = "cpu.max"
_V1_FILES = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
_V1_MOUNTS = ("cpu", "cpu,cpuacct")


def choose_threads(context: Context, configured: object = None) -> int:
    """Choose the number of threads for an engine.

    What is `configured` in the archive wins: a number, or `share`. Then OMP_NUM_THREADS counts,
    which the server sets to 1 unless the operator has set it; and without it, the share.

    Raises ValueError for a configured value that is neither.
    """
    if configured is not None and configured != SHARE:
        if not isinstance(configured, int) or isinstance(configured, bool) or configured < 1:
            raise ValueError(f"threads: expected a number from 1, or {SHARE!r}; saw {configured!r}")
        return configured
    said = os.environ.get("OMP_NUM_THREADS", "")
    if configured is None and said.isdecimal() and int(said) > 0:
        return int(said)
    return max(1, int(usable_cores()) // max(1, getattr(context, "workers", 1)))


def usable_cores(root: str = "/") -> float:
    """Count the cores that this process may use: those of its affinity, or fewer by its cgroup.

    A cgroup may limit time to a fraction of a core. `root` is where `proc` and `sys` are.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        cores = os.cpu_count() or 1
    return min([float(cores), *_cgroup_limits(root)])


def _cgroup_limits(root: str) -> Iterator[float]:
    """Find the limits of this process's cgroups and those above.

    Source: Linux, Documentation/admin-guide/cgroup-v2.rst (`cpu.max`: quota and period, or `max`)
    and Documentation/scheduler/sched-bwc.rst (version 1, where a quota below 0 is none).
    """
    mounts = os.path.join(root, "sys", "fs", "cgroup")
    for line in _read(os.path.join(root, "proc", "self", "cgroup")).splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        for folder in _upwards(path):
            if number == "0" and not controllers:
                words = _read(os.path.join(mounts, folder, _V2_FILE)).split()
                yield _cores(*words) if len(words) == 2 else math.inf
            elif "cpu" in controllers.split(","):
                for mount in _V1_MOUNTS:
                    files = [os.path.join(mounts, mount, folder, name) for name in _V1_FILES]
                    yield _cores(*[_read(file).strip() for file in files])


def _upwards(path: str) -> Iterator[str]:
    """Walk from a cgroup to the root; in a container only some of them can be seen."""
    parts = [part for part in path.split("/") if part]
    for length in range(len(parts), -1, -1):
        yield "/".join(parts[:length])


def _cores(quota: str, period: str) -> float:
    if not quota.isdecimal() or not period.isdecimal() or not int(period):
        return math.inf  # `max`, -1, or no such file
    return int(quota) / int(period)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""
