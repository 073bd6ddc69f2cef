"""What /proc says of a tree of processes: members, processor time, memory. See proc(5)."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from benchmarks.errors import BenchError

_WORKER = re.compile(r"mms[./]worker|model_service_worker")
_PROC = Path("/proc")


class CpuTime(NamedTuple):
    """Seconds of processor time; the sum is exact, the split is sampled at each clock tick."""

    user_s: float
    system_s: float

    @property
    def total_s(self) -> float:
        """User and system together."""
        return self.user_s + self.system_s

    def since(self, earlier: CpuTime) -> CpuTime:
        """Return what was spent after `earlier` was read."""
        return CpuTime(self.user_s - earlier.user_s, self.system_s - earlier.system_s)


class Stat(NamedTuple):
    """The fields of /proc/PID/stat that matter here; `started_ticks` tells a reused pid apart."""

    pid: int
    state: str
    parent_pid: int
    cpu: CpuTime
    started_ticks: int


def read_stat(pid: int) -> Stat | None:
    """Return what the kernel says of a process, or None if it is gone or a zombie."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may itself hold blanks and parentheses. Field 3 follows the last one.
    fields = text.rpartition(")")[2].split()
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    # utime and cutime, stime and cstime: a child that ended and was waited for still counts.
    user, system = int(fields[11]) + int(fields[13]), int(fields[12]) + int(fields[14])
    cpu = CpuTime(user * tick_s, system * tick_s)
    stat = Stat(pid, fields[0], int(fields[1]), cpu, int(fields[19]))
    return None if stat.state == "Z" else stat


def tree(root_pid: int) -> list[int]:
    """Return the living processes from `root_pid` downwards, parents before children."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for entry in _PROC.iterdir():
        stat = read_stat(int(entry.name)) if entry.name.isdigit() else None
        if stat is not None:
            children[stat.parent_pid].append(stat.pid)
    members = [root_pid] if read_stat(root_pid) else []
    for pid in members:
        members.extend(children[pid])
    return members


def cpu_time(pids: Iterable[int]) -> CpuTime:
    """Return the processor time spent so far by these processes and the children they reaped."""
    times = [stat.cpu for pid in pids if (stat := read_stat(pid))]
    return CpuTime(sum(time.user_s for time in times), sum(time.system_s for time in times))


def memory_bytes(pids: Iterable[int]) -> int:
    """Return the proportional set size of these processes: shared pages count once in the sum."""
    return sum(_pss_bytes(pid) for pid in pids)


def reset_peak(pid: int) -> None:
    """Have the peak of a process's resident memory counted anew; see /proc/PID/clear_refs."""
    (_PROC / str(pid) / "clear_refs").write_text("5")


def peak_bytes(pid: int) -> int:
    """Return the most resident memory that a process had since the last reset."""
    return _status(Path(str(pid)))["VmHWM"] * 1024


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process, with what it shares."""
    return _status(Path(str(pid)))["VmRSS"] * 1024


def context_switches(pids: Iterable[int]) -> int:
    """Return how often the living threads of these processes were taken from a processor so far.

    A thread that waits and is woken was, once: see getrusage(2).
    """
    names = ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")
    return sum(
        _status(thread.relative_to(_PROC))[name]
        for pid in pids
        for thread in (_PROC / str(pid) / "task").iterdir()
        for name in names
    )


def command_line(pid: int) -> str:
    """Return the arguments of a process, parted by blanks; empty if it is gone."""
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def is_front_end(command_line: str) -> bool:
    """Say whether a process is what clients of this server, or of MMS, talk to."""
    return "com.amazonaws.ml.mms.ModelServer" in command_line


def is_worker(command_line: str) -> bool:
    """Say whether a process is a worker, ours or MMS's."""
    return _WORKER.search(command_line) is not None


PARTS = {"front end": is_front_end, "worker": is_worker}
"""What tells the two processes that a request goes through from the others, by their titles."""


def find(title: str, pids: Iterable[int]) -> int:
    """Return the first process that looks like the one of that title. Raises BenchError."""
    for pid in pids:
        if PARTS[title](command_line(pid)):
            return pid
    raise BenchError(f"no process looks like a {title}")


def _status(process: Path) -> dict[str, int]:
    """Return the numbers of a process's or thread's status file, by name."""
    pairs = (line.split()[:2] for line in (_PROC / process / "status").read_text().splitlines())
    return {pair[0].rstrip(":"): int(pair[1]) for pair in pairs if pair[-1].isdecimal()}


def _pss_bytes(pid: int) -> int:
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
