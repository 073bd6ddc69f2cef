"""`python -m benchmarks.profile`: where the time of this server goes under load.

First a run without the profiler: requests/s, and each process's processor time from /proc. Then one
run per process with py-spy attached, which slows that process down: only the shares of its user
time are taken from it. The kernel's share is from /proc: a sample that lies in a system call may
have been waiting there for its turn on a busy machine and not working.

py-spy must be allowed to trace other processes: root, or kernel.yama.ptrace_scope=0.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks import fleet, machine, processes, stacks, table, wrk
from benchmarks.console import say
from benchmarks.errors import BenchError
from benchmarks.options import exit_on_sigterm
from benchmarks.processes import CpuTime
from benchmarks.servers import Server
from benchmarks.stacks import Charge
from benchmarks.venv import Venv
from benchmarks.wrk import Load

Key = TypeVar("Key")

_SAMPLES_PER_S = 200
_WARM_UP_S = 5
_ATTACH_S = 3  # py-spy reads symbols before it samples; the load goes on for that long
_EXIT_LIMIT_S = 60.0


@dataclass(slots=True, frozen=True)
class Part:
    """One process: what it spent without the profiler, and its samples with it."""

    title: str
    cpu: CpuTime
    samples: Counter[Charge]


class Profiler:
    """py-spy on the processes of one server, under a constant load."""

    def __init__(self, server: Server, connections: int, duration_s: int) -> None:
        self._server = server
        self._connections = connections
        self._duration_s = duration_s
        self._venv = Venv("py-spy==0.4.3")

    def run(self) -> tuple[Load, list[Part]]:
        """Measure without, then sample each process in turn. Raises BenchError."""
        self._venv.install()
        self._load(_WARM_UP_S)
        pids = [processes.find(title, self._server.pids()) for title in processes.PARTS]
        before = [processes.cpu_time([pid]) for pid in pids]
        load = self._load(self._duration_s)
        spent = [processes.cpu_time([pid]).since(t) for pid, t in zip(pids, before, strict=True)]
        samples = [self._sample(pid) for pid in pids]
        return load, [Part(*part) for part in zip(processes.PARTS, spent, samples, strict=True)]

    def _load(self, duration_s: int) -> Load:
        return wrk.run(self._server.url, self._connections, duration_s, on_tick=lambda: None)

    def _sample(self, pid: int) -> Counter[Charge]:
        say(f"sampling {processes.command_line(pid)[:60]}")
        with tempfile.TemporaryDirectory(prefix="mms-bench-") as folder:
            output = Path(folder) / "stacks"
            with subprocess.Popen(
                self._command(pid, output), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            ) as recorder:
                self._load(self._duration_s + _ATTACH_S)
                said, _ = recorder.communicate(timeout=_EXIT_LIMIT_S)
            if recorder.returncode != 0:
                raise BenchError(f"py-spy cannot sample process {pid}: {said.decode()}")
            return stacks.charges(output.read_text().splitlines())

    def _command(self, pid: int, output: Path) -> list[str]:
        return [
            *(self._venv.program("py-spy"), "record", "--native", "--full-filenames"),
            *("--format", "raw", "--rate", str(_SAMPLES_PER_S)),
            *("--duration", str(self._duration_s), "--pid", str(pid), "--output", str(output)),
        ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Profile and print; the exit status is 1 if the server or py-spy could not be started."""
    options = _parser().parse_args(arguments)
    exit_on_sigterm()
    here = machine.describe()
    try:
        with fleet.started(["ours"]) as running:
            if not running:
                return 1
            profiler = Profiler(running[0], options.connections, options.duration)
            load, parts = profiler.run()
            version = running[0].version()
    except BenchError as error:
        say(f"no profile: {error}")
        return 1
    print(f"{here.processor}, {here.cores} cores; {version}; {options.connections} connections\n")
    print("\n".join(_lines(load, parts, options.top)))
    return 0


def _lines(load: Load, parts: Sequence[Part], top: int) -> Iterator[str]:
    yield f"{load.served_per_s:,.0f} requests/s without the profiler"
    yield ""
    titles = ["process", "busy %", "us per request", "of it in the kernel %"]
    yield from table.render(titles, [_cpu_row(part, load) for part in parts])
    for part in parts:
        yield from ("", f"{part.title}, by room:", "")
        yield from table.render(["room", "us per request", "%"], _room_rows(part, load))
        yield from ("", f"{part.title}, outside the kernel, by function:", "")
        yield from table.render(["function", "room", "us per request"], _top(part, load, top))


def _cpu_row(part: Part, load: Load) -> list[str]:
    return [
        part.title,
        f"{part.cpu.total_s / load.duration_s * 100:.0f}",
        f"{_us_per_request(part.cpu.total_s, load):.1f}",
        f"{part.cpu.system_s / part.cpu.total_s * 100:.0f}",
    ]


def rooms_us(part: Part, load: Load) -> dict[str, float]:
    """Return the microseconds of processor time that each room spent per request."""
    spent_s: dict[str, float] = defaultdict(float, {stacks.KERNEL: part.cpu.system_s})
    for charged, function_s in _user_times(part).items():
        spent_s[charged.room] += function_s
    return {room: _us_per_request(room_s, load) for room, room_s in spent_s.items()}


def _room_rows(part: Part, load: Load) -> list[list[str]]:
    whole_us = _us_per_request(part.cpu.total_s, load)
    return [
        [room, f"{room_us:.1f}", f"{room_us / whole_us * 100:.0f}"]
        for room, room_us in _largest(rooms_us(part, load))
    ]


def _top(part: Part, load: Load, top: int) -> list[list[str]]:
    return [
        [charged.function, charged.room, f"{_us_per_request(function_s, load):.1f}"]
        for charged, function_s in _largest(_user_times(part))[:top]
    ]


def _user_times(part: Part) -> dict[Charge, float]:
    """Spread the process's user time in seconds over the samples that lie outside the kernel."""
    own = {key: count for key, count in part.samples.items() if key.room != stacks.KERNEL}
    sample_s = part.cpu.user_s / max(sum(own.values()), 1)
    return {key: count * sample_s for key, count in own.items()}


def _largest(spent_s: Mapping[Key, float]) -> list[tuple[Key, float]]:
    return sorted(spent_s.items(), key=lambda item: item[1], reverse=True)


def _us_per_request(spent_s: float, load: Load) -> float:
    return spent_s / load.requests * 1e6


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("--connections", type=int, default=100, help="kept alive at once (100)")
    parser.add_argument("--duration", type=int, default=10, metavar="SECONDS", help="a run (10)")
    parser.add_argument("--top", type=int, default=15, help="functions shown a process (15)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
