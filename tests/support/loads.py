"""Loads and measurements of the benchmarks, for tests that look at few of their fields."""

from __future__ import annotations

from benchmarks.machine import Machine
from benchmarks.measure import Measurement
from benchmarks.rounds import Sample
from benchmarks.wrk import Load

HERE = Machine("a processor", 2, 23.5, "Linux 6", "3.11.7", "4.1.0", "abc", 0.5)


def load(*, requests: int = 1000, refused: int = 0, broken: int = 0, p50_ms: float = 1.0) -> Load:
    """Make what wrk saw in one second; the higher percentiles are multiples of the median."""
    return Load(
        requests=requests,
        refused=refused,
        broken=broken,
        duration_s=1.0,
        p50_ms=p50_ms,
        p90_ms=2 * p50_ms,
        p99_ms=3 * p50_ms,
        p999_ms=4 * p50_ms,
        client_cpu_s=0.25,
    )


def sample(server: str, connections: int, seen: Load, *, in_round: int = 1) -> Sample:
    """Make a sample of a server that spent a tenth of a second and 50 MiB."""
    return Sample(server, connections, in_round, Measurement(seen, 0.1, 50 * 2**20))
