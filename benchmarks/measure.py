"""One measurement: a run of wrk, and what the server spent on it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks import processes, wrk
from benchmarks.servers import Server
from benchmarks.wrk import Load

_REST_S = 0.25
_REST_LIMIT_S = 60.0
_RESTING = 0.1  # of one processor


@dataclass(slots=True, frozen=True)
class Measurement:
    """What the clients saw and what the server's whole process tree spent meanwhile."""

    load: Load
    cpu_s: float
    memory_bytes: int
    """The largest proportional set size of the tree seen during the load."""

    @property
    def cpu_s_per_1000(self) -> float:
        """Processor seconds per 1,000 requests, refused ones included."""
        return self.cpu_s / self.load.requests * 1000


def measure(server: Server, connections: int, duration_s: int) -> Measurement:
    """Load `server` and read its processor time around it and its memory all along.

    Raises BenchError if the server answers nothing.
    """
    memory = [processes.memory_bytes(server.pids())]
    before = processes.cpu_time(server.pids())
    load = wrk.run(
        server.url,
        connections,
        duration_s,
        on_tick=lambda: memory.append(processes.memory_bytes(server.pids())),
        body=server.body,
        headers=server.headers,
    )
    spent = processes.cpu_time(server.pids()).since(before)
    return Measurement(load, spent.total_s, max(memory))


def settle(server: Server) -> None:
    """Wait, a minute at most, until it has done what an earlier load left behind.

    MMS goes on with requests whose clients are gone; that must not be charged to the next load, on
    it or on another server.
    """
    deadline = time.monotonic() + _REST_LIMIT_S
    while time.monotonic() < deadline:
        before = processes.cpu_time(server.pids())
        time.sleep(_REST_S)
        spent = processes.cpu_time(server.pids()).since(before)
        if spent.total_s < _RESTING * _REST_S:
            return
