"""The machine and the versions that a measurement was taken with."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks import wrk


@dataclass(slots=True, frozen=True)
class Machine:
    """What has to be said beside a number; `load_average` is the last minute's, before the run."""

    processor: str
    cores: int
    memory_gib: float
    kernel: str
    python: str
    wrk: str
    commit: str
    load_average: float

    def __str__(self) -> str:
        return (
            f"{self.processor}, {self.cores} cores, {self.memory_gib} GiB, {self.kernel}; "
            f"commit {self.commit}"
        )


def describe() -> Machine:
    """Look at this machine, before anything is started on it."""
    return Machine(
        processor=_value_of("/proc/cpuinfo", "model name"),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        wrk=wrk.version(),
        commit=_commit(),
        load_average=round(os.getloadavg()[0], 2),
    )


def _value_of(path: str, key: str) -> str:
    for line in Path(path).read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return platform.machine()


def _commit() -> str:
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unknown"
    return result.stdout.strip() or "unknown"
