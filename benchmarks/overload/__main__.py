"""`python -m benchmarks.overload`: more requests than a model can answer, at 3 times its capacity.

A model that sleeps 10 ms, one worker. Capacity is what a closed loop gets out of the same server
just before. This server waits for 1 s (`ours-1s`, queue_timeout=1) or as it does by default (60 s);
MMS is as it is by default: a queue of 100, which is one second's work, too. Exit status 1 if
`ours-1s` misses a bound.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import fleet, machine, offered, sleeper, table, workload
from benchmarks.console import say
from benchmarks.errors import BenchError
from benchmarks.options import exit_on_sigterm, names, number
from benchmarks.overload import curve, excess
from benchmarks.overload.curve import Point
from benchmarks.overload.excess import Excess
from benchmarks.servers import Server
from benchmarks.servers.mms import Mms
from benchmarks.servers.ours import Ours
from benchmarks.servers.recipe import Recipe
from mms_server.server import raise_file_limit

_BOUND = "ours-1s"
_RECIPES: dict[str, Recipe] = {
    _BOUND: Ours(settings=["queue_timeout=1"]),
    "ours": Ours(),
    "mms": Mms(settings=()),
}
_CURVES = (_BOUND, "mms")
"""Queues of one second, both."""


class Overload:
    """All that is measured in one run."""

    def __init__(self, duration_s: int, point_s: int) -> None:
        self.excesses: list[Excess] = []
        self.points: list[Point] = []
        self.versions: dict[str, str] = {}
        self.skipped: dict[str, str] = {}
        self._duration_s = duration_s
        self._point_s = point_s

    def measure(self, name: str) -> None:
        """Start a server, measure it, end it; what it cannot do is noted in `skipped`."""
        recipe = _RECIPES[name]
        with fleet.made(lambda folder: [Server(recipe, folder / recipe.name)]) as running:
            for server in running:
                self.versions[server.name] = server.version()
                try:
                    self._measure(name, server)
                except BenchError as error:
                    self.skipped[name] = str(error)
                    say(f"SKIPPED {name}: {error}")

    def _measure(self, name: str, server: Server) -> None:
        server.url = server.url.replace(workload.PATH, sleeper.serve(server))
        say(f"{name}: capacity")
        capacity = excess.capacity_per_s(server)
        say(f"{name}: {excess.FACTOR} times {capacity:.1f}/s")
        self.excesses.append(excess.measure(name, server, capacity, self._duration_s))
        say(" ".join(self.excesses[-1].row()))
        if name in _CURVES and self._point_s:
            say(f"{name}: offered loads")
            self.points += curve.measure(server, capacity, self._point_s)

    def report(self) -> str:
        """Return what is printed, and goes into the documentation."""
        here = machine.describe()
        facts = [
            offered.describe(excess.TIMEOUT_S),
            f"{excess.FACTOR} times the capacity for {self._duration_s} s after "
            f"{excess.WARM_UP_S} s, over {excess.CONNECTIONS:,} connections",
            "ours-1s waits for 1 s (queue_timeout=1), ours for 60 s, mms has a queue of 100",
            *(f"{name}: {version}" for name, version in self.versions.items()),
            *(f"{name} SKIPPED: {reason}" for name, reason in self.skipped.items()),
        ]
        lines = [str(here), "", *(f"- {fact}" for fact in facts), ""]
        lines += table.render(excess.TITLES, [each.row() for each in self.excesses])
        for each in self.excesses:
            if each.server == _BOUND:
                lines += ["", f"Bounds for {_BOUND}:", ""]
                lines += [f"- {'met' if met else 'MISSED'}: {what}" for what, met in each.bounds()]
        if self.points:
            by_load = sorted(self.points, key=lambda point: point.percent)
            lines += ["", *table.render(curve.TITLES, [point.row() for point in by_load])]
        return "\n".join(lines)

    @property
    def is_within_bounds(self) -> bool:
        """Whether this server was measured and held what is aimed at."""
        bound = [each for each in self.excesses if each.server == _BOUND]
        return bool(bound) and all(met for each in bound for _, met in each.bounds())


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    options = _parser().parse_args(arguments)
    exit_on_sigterm()
    raise_file_limit()
    overload = Overload(options.duration, options.point)
    for name in options.servers:
        overload.measure(name)
    print(overload.report())
    if options.json:
        document = {"curves": [curve.to_document(overload.points)]}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(document, indent=2))
    return 0 if overload.is_within_bounds else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overload", description=__doc__)
    add = parser.add_argument
    known = tuple(_RECIPES)
    add("--servers", type=lambda text: names(text, known, "server"), default=known)
    add("--duration", type=number, default=30, metavar="SECONDS", help="of the overload (30)")
    add("--point", type=int, default=10, metavar="SECONDS", help="of each offered load (10)")
    add("--json", type=Path, metavar="FILE", help="the curve, for benchmarks.charts")
    return parser


if __name__ == "__main__":
    sys.exit(main())
