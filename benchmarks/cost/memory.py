"""Memory of processes that have nothing to do."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from benchmarks import processes
from benchmarks.cost.figure import Figure
from benchmarks.servers import Server

_MIB = 2**20


def figures(running: Sequence[Server]) -> list[Figure]:
    """Look at servers of one model and one worker that has answered once."""
    front_end = {server.name: [_front_end_mib(server)] for server in running}
    worker = {server.name: [_overhead_mib(server)] for server in running}
    return [
        Figure("front end, idle: resident MiB", front_end, "at most 45"),
        Figure("worker: MiB beyond a bare interpreter's", worker, "at most 15"),
    ]


def _front_end_mib(server: Server) -> float:
    return processes.resident_bytes(processes.find("front end", server.pids())) / _MIB


def _overhead_mib(server: Server) -> float:
    """Return the proportional memory of a worker, which is two processes in MMS, less the bare."""
    pids = server.pids()
    workers = [pid for pid in pids if processes.is_worker(processes.command_line(pid))]
    interpreter = processes.command_line(workers[0]).split()[0]
    return (processes.memory_bytes(workers) - _bare_bytes(interpreter)) / _MIB


def _bare_bytes(interpreter: str) -> int:
    """Return the proportional memory of an interpreter that has imported nothing and waits.

    The no-op model imports nothing either, so all that a worker has on top is the server's doing.
    """
    with subprocess.Popen(
        [interpreter, "-c", "print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout  # a pipe
        process.stdout.readline()
        bare = processes.memory_bytes([process.pid])
        process.communicate(b"\n")
    return bare
