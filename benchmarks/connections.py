"""`python -m benchmarks.connections`: thousands of keep-alive connections to a no-op model.

Both servers as they are by default, but for logs. At a rate that both can bear, the connections are
used in turn, so that most are idle at any time, as those of many clients are. Exit status 1 if this
server gave one answer other than 200, or lost a connection.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import fleet, machine, offered, processes, table, wrk
from benchmarks.console import Progress
from benchmarks.errors import BenchError
from benchmarks.measure import settle
from benchmarks.options import exit_on_sigterm, names, number, numbers
from benchmarks.servers import Server
from benchmarks.servers.mms import Mms
from benchmarks.servers.ours import Ours
from mms_server.load import Kind, Phase, Result, Tally
from mms_server.server import raise_file_limit

_RECIPES = (Ours(), Mms(settings=()))
_FIRST_WARM_UP_S = 10
_FIRST_CONNECTIONS = 50
"""Java compiles while it runs; no connection stays from there."""

_WARM_UP_S = 10
_TIMEOUT_S = 10.0
_TITLES = (
    "open at once",
    "server",
    "sent",
    "200",
    "other answers",
    "failed",
    "lost",
    "p50 ms",
    "p99 ms",
    "max ms",
    "memory MiB",
    "generator late p99 ms",
)


@dataclass(slots=True, frozen=True)
class Point:
    """One server with a number of connections; memory is of all its processes, in bytes."""

    server: str
    connections: int
    result: Result
    memory_bytes: int

    @property
    def tally(self) -> Tally:
        """What came of the measured phase."""
        return self.result.tallies[-1]

    @property
    def is_clean(self) -> bool:
        """Whether every request was answered 200, and no connection was lost or not to be had."""
        seen = self.result.connections
        is_answered = all(set(tally.statuses) <= {200} for tally in self.result.tallies)
        is_whole = not any(tally.errors for tally in self.result.tallies)
        return is_answered and is_whole and not seen.lost and seen.at_start == seen.wanted

    def row(self) -> list[str]:
        """Return the cells of its line: what came of all requests, and the measured latency."""
        every, good = self.result.tallies, self.tally.latency[Kind.GOOD]
        well = sum(tally.statuses[200] for tally in every)
        ms = (good.quantile_s(0.5), good.quantile_s(0.99), good.max_s)
        return [
            f"{self.result.connections.at_start:,} of {self.connections:,}",
            self.server,
            f"{sum(tally.sent for tally in every):,}",
            f"{well:,}",
            f"{sum(tally.answered for tally in every) - well:,}",
            f"{sum(tally.errors.total() for tally in every):,}",
            f"{self.result.connections.lost:,}",
            *(f"{value_s * 1e3:,.2f}" for value_s in ms),
            f"{self.memory_bytes / 2**20:,.0f}",
            f"{self.tally.lateness.quantile_s(0.99) * 1e3:.1f}",
        ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    options = _parser().parse_args(arguments)
    exit_on_sigterm()
    raise_file_limit()
    here = machine.describe()
    points: list[Point] = []
    progress = Progress(len(options.connections) * len(options.servers))
    skipped: dict[str, str] = {}
    with fleet.made(lambda folder: _make(folder, options.servers), skipped) as running:
        for server in running:
            wrk.run(server.url, _FIRST_CONNECTIONS, _FIRST_WARM_UP_S, on_tick=lambda: None)
        versions = [f"{server.name}: {server.version()}" for server in running]
        for count in options.connections:
            for server in running:
                try:
                    points.append(_measure(server, count, options))
                except BenchError as error:
                    progress.show(f"SKIPPED {count:,} connections, {server.name}: {error}")
                    continue
                progress.show(f"{count:,} connections, {server.name}: {_say(points[-1])}")
    print(f"{here}; load average before the run {here.load_average}\n")
    facts = [
        offered.describe(_TIMEOUT_S),
        f"{options.rate:,} requests/s for {options.duration} s after {_WARM_UP_S} s of warm-up, "
        "whose requests count but for the latency",
        *versions,
        *(f"{name} SKIPPED: {reason}" for name, reason in skipped.items()),
    ]
    print("\n".join(f"- {fact}" for fact in facts) + "\n")
    print("\n".join(table.render(_TITLES, [point.row() for point in points])))
    ours = [point for point in points if point.server == "ours"]
    return 0 if ours and all(point.is_clean for point in ours) else 1


def _make(folder: Path, chosen: Sequence[str]) -> list[Server]:
    return [Server(recipe, folder / recipe.name) for recipe in _RECIPES if recipe.name in chosen]


def _measure(server: Server, connections: int, options: argparse.Namespace) -> Point:
    """Load one server. Raises BenchError."""
    memory: list[int] = []

    def look(phase: int) -> None:
        if phase:  # the connections have all been used, or most
            memory.append(processes.memory_bytes(server.pids()))

    phases = Phase(options.rate, _WARM_UP_S), Phase(options.rate, options.duration)
    result = offered.run(server, phases, connections, _TIMEOUT_S, look)
    settle(server)
    return Point(server.name, connections, result, max(memory))


def _say(point: Point) -> str:
    return "all answered 200" if point.is_clean else "NOT all answered 200, or connections lost"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.connections", description=__doc__)
    add = parser.add_argument
    known = tuple(recipe.name for recipe in _RECIPES)
    add("--servers", type=lambda text: names(text, known, "server"), default=known)
    add("--connections", type=numbers, default=(1_000, 5_000, 10_000), help="1000,5000,10000")
    add("--rate", type=number, default=500, help="requests a second (500)")
    add("--duration", type=number, default=30, metavar="SECONDS", help="of one measurement (30)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
