"""`python -m benchmarks.curves`: how throughput and latency grow with connections and the rest.

Servers take turns at each value. A server that does not bear a value is not tried at larger ones.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import resource
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import fleet, machine, sweeps, table, wrk
from benchmarks.console import Progress, minutes, say
from benchmarks.errors import BenchError
from benchmarks.machine import Machine
from benchmarks.measure import settle
from benchmarks.options import exit_on_sigterm, names
from benchmarks.rounds import SETTLE_S, START_S
from benchmarks.servers import Server
from benchmarks.sweeps import Sweep
from benchmarks.wrk import Load

_WARM_UP_S = 2
_WARM_UP_CONNECTIONS = 100
_FIRST_WARM_UP_S = 5


@dataclass(slots=True, frozen=True)
class Point:
    """What one server did at one value."""

    server: str
    x: int
    load: Load


@dataclass(slots=True)
class Curve:
    """A sweep's points; `x` says what was varied, `skipped` which points are missing, and why."""

    name: str
    title: str
    x: str
    has_zero: bool
    points: list[Point] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


@dataclass(slots=True, frozen=True)
class Curves:
    """All that is known after a run."""

    machine: Machine
    versions: dict[str, str]
    duration_s: int
    curves: list[Curve]

    def to_json(self) -> str:
        """Return everything, for `python -m benchmarks.charts`."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    def to_markdown(self) -> str:
        """Return a table for each curve."""
        here = self.machine
        lines = [
            f"{here}; {self.duration_s} s a point",
            "",
            *(f"- {name}: {version}" for name, version in self.versions.items()),
        ]
        for curve in self.curves:
            lines += ["", f"{curve.title}:", "", *_table(curve)]
            lines += [f"\n{reason}" for reason in curve.skipped]
        return "\n".join(lines)


def budget_s(chosen: Sequence[Sweep], duration_s: int) -> float:
    """Return about how long these sweeps take."""
    point_s = _WARM_UP_S + duration_s + SETTLE_S
    return sum(
        len(sweep.recipes) * (START_S + _FIRST_WARM_UP_S + len(sweep.values) * point_s)
        + sweep.extra_s
        for sweep in chosen
    )


def run(sweep: Sweep, duration_s: int, versions: dict[str, str]) -> Curve:
    """Measure one sweep with servers of its own; their versions are added to `versions`."""
    curve = Curve(sweep.name, sweep.title, sweep.x, sweep.has_zero)
    skipped: dict[str, str] = {}
    progress = Progress(len(sweep.recipes) * len(sweep.values))

    def make(folder: Path) -> list[Server]:
        return [Server(recipe, folder / recipe.name) for recipe in sweep.recipes]

    with fleet.made(make, skipped) as running:
        versions |= {server.name: server.version() for server in running}
        for server in running:
            wrk.run(server.url, 10, _FIRST_WARM_UP_S, on_tick=lambda: None)
        for value in sweep.values:
            for server in list(running):
                try:
                    point = _measure(sweep, server, value, duration_s)
                except BenchError as error:
                    running.remove(server)
                    curve.skipped.append(f"{server.name} from {value:,} {sweep.x} on: {error}")
                    progress.show(f"SKIPPED {curve.skipped[-1]}")
                    continue
                curve.points.append(point)
                rate = f"{point.load.served_per_s:,.0f} requests/s"
                progress.show(f"{value:,} {sweep.x}, {server.name}: {rate}")
    curve.skipped[:0] = [f"{name}: {reason}" for name, reason in skipped.items()]
    return curve


def _measure(sweep: Sweep, server: Server, value: int, duration_s: int) -> Point:
    asking = sweep.reach(server, value)
    few = min(asking.connections, _WARM_UP_CONNECTIONS)
    for connections, length_s in (
        (few, _WARM_UP_S),
        (asking.connections, duration_s + asking.ramp_s),
    ):
        load = wrk.run(
            server.url,
            connections,
            length_s,
            on_tick=lambda: None,
            body=asking.body,
            paths=asking.paths,
        )
        settle(server)
    return Point(server.name, value, load)


def _table(curve: Curve) -> list[str]:
    servers = list(dict.fromkeys(point.server for point in curve.points))
    titles = [curve.x]
    for server in servers:
        titles += [f"{server}: requests/s", "p99 ms", "success %"]
    return table.render(titles, _rows(curve, servers))


def _rows(curve: Curve, servers: Sequence[str]) -> Iterator[list[str]]:
    found = {(point.server, point.x): point.load for point in curve.points}
    for x in dict.fromkeys(point.x for point in curve.points):
        row = [f"{x:,}"]
        for name in servers:
            row += _cells(found.get((name, x)))
        yield row


def _cells(load: Load | None) -> list[str]:
    if load is None:
        return ["-", "-", "-"]
    return [f"{load.served_per_s:,.0f}", f"{load.p99_ms:,.2f}", table.percent(load.success)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status is 1 if nothing was measured."""
    options = _parser().parse_args(arguments)
    exit_on_sigterm()
    _allow_many_connections()
    chosen = [sweep for sweep in sweeps.all_sweeps() if sweep.name in options.sweeps]
    say(f"{len(chosen)} curves: about {minutes(budget_s(chosen, options.duration))}")
    here, versions = machine.describe(), dict[str, str]()
    curves = []
    for sweep in chosen:
        say(sweep.title)
        try:
            curves.append(run(sweep, options.duration, versions))
        except BenchError as error:
            say(f"SKIPPED {sweep.name}: {error}")
    made = Curves(here, versions, options.duration, curves)
    print(made.to_markdown())
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(made.to_json())
    return 0 if any(curve.points for curve in curves) else 1


def _allow_many_connections() -> None:
    # Servers and wrk inherit it.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _names(text: str) -> tuple[str, ...]:
    return names(text, (sweep.name for sweep in sweeps.all_sweeps()), "curve")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.curves", description=__doc__)
    every = ",".join(sweep.name for sweep in sweeps.all_sweeps())
    parser.add_argument("--sweeps", type=_names, default=every.split(","), help=f"of {every}")
    parser.add_argument("--duration", type=int, default=3, metavar="SECONDS", help="a point (3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write every point")
    return parser


if __name__ == "__main__":
    sys.exit(main())
