"""Samples of all rounds, made into one median and spread per server, connections and quantity."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.measure import Measurement
from benchmarks.rounds import Sample


@dataclass(slots=True, frozen=True)
class Quantity:
    """One thing measured: its title in the report and how to get it from a measurement.

    Those of `has_spread` are shown with their extremes over the rounds.
    """

    title: str
    decimals: int
    of: Callable[[Measurement], float]
    has_spread: bool = False


QUANTITIES = (
    Quantity("requests/s", 0, lambda seen: seen.load.served_per_s, has_spread=True),
    Quantity("p50 ms", 2, lambda seen: seen.load.p50_ms, has_spread=True),
    Quantity("p90 ms", 2, lambda seen: seen.load.p90_ms),
    Quantity("p99 ms", 2, lambda seen: seen.load.p99_ms, has_spread=True),
    Quantity("p99.9 ms", 2, lambda seen: seen.load.p999_ms),
    Quantity("CPU s / 1,000", 3, lambda seen: seen.cpu_s_per_1000, has_spread=True),
    Quantity("memory MiB", 0, lambda seen: seen.memory_bytes / 2**20),
)
"""What is compared as ratios. Memory is the peak of the whole process tree."""

CLIENT = Quantity("wrk busy %", 0, lambda seen: seen.load.client_cpu_s / seen.load.duration_s * 100)
"""Near 100 the load generator is what is measured, and the server could do more."""

SUCCESS = Quantity("success %", 2, lambda seen: seen.load.success)
"""The share of what was asked, in a round; the rest was refused or broken."""


@dataclass(slots=True, frozen=True)
class Spread:
    """A quantity over the rounds."""

    median: float
    least: float
    most: float


Cell = tuple[str, int]
"""Which measurements belong together: a server's name and a number of connections."""


def by_cell(samples: Iterable[Sample]) -> dict[Cell, list[Measurement]]:
    """Group samples over the rounds; cells keep the order of their first sample."""
    cells: dict[Cell, list[Measurement]] = {}
    for sample in samples:
        cells.setdefault((sample.server, sample.connections), []).append(sample.measurement)
    return cells


def spread(quantity: Quantity, measurements: Iterable[Measurement]) -> Spread:
    """Return the median and the extremes of a quantity over at least one round."""
    values = [quantity.of(measurement) for measurement in measurements]
    return Spread(statistics.median(values), min(values), max(values))
