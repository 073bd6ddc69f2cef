"""Goodput and latency by offered load, from half of the capacity to three times it."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks import offered
from benchmarks.overload.excess import CONNECTIONS, TIMEOUT_S
from benchmarks.servers import Server
from mms_server.load import Kind, Phase, Tally

PERCENT = (50, 75, 90, 100, 110, 125, 150, 200, 300)
"""Of the capacity."""

_PAUSE_S = 3
"""Queues of a second are empty again by then."""

TITLES = ("offered, % of capacity", "server", "goodput/s", "2xx p50 ms", "2xx p99 ms", "refused %")


@dataclass(slots=True, frozen=True)
class Point:
    """One server at one load."""

    server: str
    percent: int
    tally: Tally

    def row(self) -> list[str]:
        """Return the cells of its line, under `TITLES`."""
        good, refused = (self.tally.latency[kind] for kind in (Kind.GOOD, Kind.REFUSED))
        return [
            str(self.percent),
            self.server,
            f"{self.tally.goodput_per_s:.1f}",
            f"{good.quantile_s(0.5) * 1e3:,.0f}",
            f"{good.quantile_s(0.99) * 1e3:,.0f}",
            f"{refused.count / self.tally.sent * 100:.1f}",
        ]

    def to_document(self) -> dict[str, object]:
        """Return it as a point of a curve, for `python -m benchmarks.charts`."""
        load = {
            "requests": self.tally.good_in_time,
            "refused": 0,
            "duration_s": self.tally.elapsed_s,
            "p99_ms": self.tally.latency[Kind.GOOD].quantile_s(0.99) * 1e3,
        }
        return {"server": self.server, "x": self.percent, "load": load}


def measure(server: Server, capacity: float, duration_s: int) -> list[Point]:
    """Offer a server one load after the other. Raises BenchError."""
    phases = []
    for percent in PERCENT:
        phases += [Phase(0, _PAUSE_S), Phase(capacity * percent / 100, duration_s)]
    tallies = offered.run(server, phases, CONNECTIONS, TIMEOUT_S).tallies[1::2]
    return [
        Point(server.name, percent, tally) for percent, tally in zip(PERCENT, tallies, strict=True)
    ]


def to_document(points: list[Point]) -> dict[str, object]:
    """Return what `python -m benchmarks.charts` draws."""
    return {
        "name": "overload",
        "title": "Predictions that sleep 10 ms, one worker, queues of one second",
        "x": "offered load, % of capacity",
        "has_zero": False,
        "is_linear": True,
        "points": [point.to_document() for point in points],
    }
