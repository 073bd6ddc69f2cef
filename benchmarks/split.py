"""`python -m benchmarks.split`: what each stage of a request costs this server.

Processor time, by the rooms of `benchmarks.profile`, and elapsed time at one connection, by what
the floors need: HTTP alone, HTTP and a second process, and this server.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence

from benchmarks import fleet, stacks, table
from benchmarks.console import say
from benchmarks.errors import BenchError
from benchmarks.options import exit_on_sigterm
from benchmarks.profile import Profiler, rooms_us
from benchmarks.rounds import Sample
from benchmarks.servers import Server
from benchmarks.summary import by_cell

_STAGES = {
    "HTTP": ("http", "api", "event loop"),
    "queue": ("serving",),
    "wire": ("workers", "wire", "worker loop", "worker, other"),
    "handler": ("handler",),
}
"""Each stage's rooms, in both processes. Reading and writing sockets is the kernel's."""

_OTHER = "other"
BUDGET_S = 45.0
"""About how long `measure` takes."""

_CONNECTIONS = 100
_DURATION_S = 6

Split = Mapping[str, float]
"""Microseconds by stage."""


def measure(
    server: Server, connections: int = _CONNECTIONS, duration_s: int = _DURATION_S
) -> Split:
    """Sample both processes under load. Raises BenchError, where py-spy may not trace them too."""
    load, parts = Profiler(server, connections, duration_s).run()
    rooms = [rooms_us(part, load) for part in parts]
    kernel = {
        f"kernel, {part.title}": spent.pop(stacks.KERNEL, 0.0)
        for part, spent in zip(parts, rooms, strict=True)
    }
    return {**by_stage(rooms), **kernel}


def by_stage(rooms: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Add up the rooms of all processes; what belongs to no stage is `other`."""
    stages = dict.fromkeys((*_STAGES, _OTHER), 0.0)
    stage_of = {room: stage for stage, members in _STAGES.items() for room in members}
    for spent in rooms:
        for room, room_us in spent.items():
            stages[stage_of.get(room, _OTHER)] += room_us
    return stages


def steps(samples: Iterable[Sample]) -> Split:
    """Part this server's median at one connection; empty unless the floors were measured, too."""
    cells = by_cell(samples)
    wanted = [cells.get((name, 1)) for name in ("bare", "two-hop", "ours")]
    if not all(wanted):
        return {}
    bare, two_hop, ours = (
        statistics.median(1000 * seen.load.p50_ms for seen in cell) for cell in wanted if cell
    )
    return {
        "client and bare HTTP": bare,
        "a second process": two_hop - bare,
        "this server": ours - two_hop,
    }


def render(title: str, split: Split) -> list[str]:
    """Return the lines of a table of one row, with the sum at its end."""
    shown = {**split, "sum": sum(split.values())}
    return table.render([title, *shown], [["us", *(f"{us:.1f}" for us in shown.values())]])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status is 1 if nothing was measured."""
    options = _parser().parse_args(arguments)
    exit_on_sigterm()
    try:
        with fleet.started(["ours"]) as running:
            if not running:
                return 1
            split = measure(running[0], options.connections, options.duration)
    except BenchError as error:
        say(f"nothing was measured: {error}")
        return 1
    print("\n".join(render("CPU per request", split)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.split", description=__doc__)
    parser.add_argument("--connections", type=int, default=_CONNECTIONS, help="at once (100)")
    parser.add_argument("--duration", type=int, default=_DURATION_S, metavar="SECONDS", help="(6)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
