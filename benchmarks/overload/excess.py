"""One server under a multiple of its capacity, and the bounds that are to hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks import offered, processes, wrk
from benchmarks.bodies import contenders
from benchmarks.measure import settle
from benchmarks.servers import Server
from mms_server.load import Kind, Phase, Tally

FACTOR = 3
WARM_UP_S = 5
CONNECTIONS = 10_000
"""More than can be on their way: 60 s of the capacity, by default, are 6,000 requests."""

TIMEOUT_S = 90.0

_CAPACITY_CONNECTIONS = 8
_CAPACITY_S = 10

_GOODPUT = 0.95
_ACCEPTED_P99_S = 1.1
_REFUSED_P99_S = 0.020
_GROWTH_BYTES = 20_000_000

TITLES = (
    "server",
    "capacity/s",
    "sent",
    "goodput/s",
    "of capacity",
    "2xx p50 ms",
    "2xx p99 ms",
    "refused",
    "with Retry-After",
    "refused p99 ms",
    "failed",
    "memory grown MB",
    "generator late p99 ms",
)


@dataclass(slots=True, frozen=True)
class Excess:
    """What came of it; `growth_bytes` is that of the front end's memory."""

    server: str
    capacity_per_s: float
    tally: Tally
    growth_bytes: int

    @property
    def goodput(self) -> float:
        """What was answered 2xx, as a share of the capacity."""
        return self.tally.goodput_per_s / self.capacity_per_s

    @property
    def failed(self) -> int:
        """How many requests were neither served nor refused."""
        return self.tally.errors.total() + self.tally.latency[Kind.OTHER].count

    def bounds(self) -> Iterator[tuple[str, bool]]:
        """Say what is aimed at, and whether it was met."""
        good, refused = (self.tally.latency[kind] for kind in (Kind.GOOD, Kind.REFUSED))
        yield f"goodput of at least {_GOODPUT:.0%} of the capacity", self.goodput >= _GOODPUT
        is_prompt = good.quantile_s(0.99) <= _ACCEPTED_P99_S
        yield f"2xx within {_ACCEPTED_P99_S:g} s at p99", is_prompt
        is_prompt = refused.quantile_s(0.99) <= _REFUSED_P99_S
        yield f"refusals within {_REFUSED_P99_S * 1e3:g} ms at p99", is_prompt
        is_advised = self.tally.statuses[503] == refused.count == self.tally.advised
        yield "each of them a 503 with Retry-After", is_advised
        yield "nothing else", not self.failed
        is_small = self.growth_bytes < _GROWTH_BYTES
        yield f"memory of the front end grown by less than {_GROWTH_BYTES / 1e6:g} MB", is_small

    def row(self) -> list[str]:
        """Return the cells of its line, under `TITLES`."""
        tally = self.tally
        good, refused = (tally.latency[kind] for kind in (Kind.GOOD, Kind.REFUSED))
        return [
            self.server,
            f"{self.capacity_per_s:.1f}",
            f"{tally.sent:,}",
            f"{tally.goodput_per_s:.1f}",
            f"{self.goodput:.1%}",
            f"{good.quantile_s(0.5) * 1e3:,.0f}",
            f"{good.quantile_s(0.99) * 1e3:,.0f}",
            f"{refused.count:,}",
            f"{tally.advised:,}",
            f"{refused.quantile_s(0.99) * 1e3:,.1f}" if refused.count else "-",
            f"{self.failed:,}",
            f"{self.growth_bytes / 1e6:.1f}",
            f"{tally.lateness.quantile_s(0.99) * 1e3:.1f}",
        ]


def capacity_per_s(server: Server) -> float:
    """Find what a closed loop gets out of a server. Raises BenchError."""
    for _ in range(2):  # Java compiles in the first
        load = wrk.run(server.url, _CAPACITY_CONNECTIONS, _CAPACITY_S, on_tick=lambda: None)
    return load.served_per_s


@dataclass(slots=True)
class _Memory:
    """The resident memory of a front end since the first request: how much it grew by at most."""

    pid: int
    _before: int = field(default=0)

    def begin(self) -> None:
        """Count from now."""
        processes.reset_peak(self.pid)
        self._before = processes.peak_bytes(self.pid)

    def growth_bytes(self) -> int:
        """Return the peak since, less what there was."""
        return processes.peak_bytes(self.pid) - self._before


def measure(name: str, server: Server, capacity: float, duration_s: int) -> Excess:
    """Offer a server `FACTOR` times its capacity. Raises BenchError."""
    memory = _Memory(contenders.front_end(server))
    rate = FACTOR * capacity
    result = offered.run(
        server,
        [Phase(rate, WARM_UP_S), Phase(rate, duration_s)],
        CONNECTIONS,
        TIMEOUT_S,
        lambda phase: None if phase else memory.begin(),
    )
    growth = memory.growth_bytes()
    settle(server)
    return Excess(name, capacity, result.tallies[-1], growth)
