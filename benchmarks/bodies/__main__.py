"""`python -m benchmarks.bodies`: bodies of 1, 10 and 100 MB in, out, and both."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machine, processes, table
from benchmarks.bodies import contenders
from benchmarks.bodies.generator import Seen, Traffic
from benchmarks.console import say
from benchmarks.errors import BenchError
from benchmarks.options import exit_on_sigterm
from benchmarks.servers import Server

_MB = 1_000_000
_SMALL_BYTES = 5
_GRACE_S = 180
_ROOT = Path(__file__).parents[2]
_WAYS = {"in": (True, False), "out": (False, True), "both": (True, True)}
"""Whether the body that is sent is large, and whether the answer is."""


@dataclass(slots=True, frozen=True)
class Cell:
    """What is measured together: a direction, a size and how many ask at once."""

    way: str
    megabytes: int
    connections: int

    @property
    def traffic(self) -> Traffic:
        """What the generator sends and asks for."""
        large = self.megabytes * _MB
        is_large_in, is_large_out = _WAYS[self.way]
        return Traffic(large if is_large_in else _SMALL_BYTES, large if is_large_out else 0)


@dataclass(slots=True, frozen=True)
class Sample:
    """One run: rate, median latency, processor time a request, the front end's peak memory."""

    per_s: float
    p50_ms: float
    cpu_ms: float
    front_mib: float
    client_busy: float


@dataclass(slots=True, frozen=True)
class Contender:
    """A server that runs, and where bodies are posted."""

    server: Server
    url: str

    def measure(self, cell: Cell, duration_s: int) -> Sample:
        """Load it once. Raises BenchError when an answer is not the one asked for."""
        pids, front = self.server.pids(), contenders.front_end(self.server)
        processes.reset_peak(front)
        before = processes.cpu_time(pids)
        seen = _generate(self.url, cell, duration_s)
        spent = processes.cpu_time(pids).since(before)
        count = len(seen.latencies_s)
        return Sample(
            count / seen.elapsed_s,
            statistics.median(seen.latencies_s) * 1000,
            spent.total_s / count * 1000,
            processes.peak_bytes(front) / 2**20,
            seen.cpu_s / seen.elapsed_s,
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status is 1 if this server was not measured."""
    options = _parser().parse_args(arguments)
    exit_on_sigterm()
    here = machine.describe()
    cells = [
        Cell(way, size, connections)
        for size in options.megabytes
        for way in options.ways
        for connections in options.connections
    ]
    samples: dict[tuple[Cell, str], list[Sample]] = defaultdict(list)
    with ExitStack() as stack:
        running = _start(options.servers, stack)
        if not running:
            return 1
        for cell in cells:
            for _ in range(options.rounds):
                for contender in running:
                    _take(contender, cell, options.duration, samples)
        versions = [f"- {each.server.name}: {each.server.version()}" for each in running]
    print(f"{here}\n")
    print("\n".join([*versions, "", *_report(cells, options.servers, samples)]))
    return 0 if any(name == "ours" for _, name in samples) else 1


def _start(names: Sequence[str], stack: ExitStack) -> list[Contender]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mms-bench-")))
    running = []
    for server in contenders.make(names, folder):
        stack.callback(server.stop)
        say(f"starting {server.name}")
        try:
            server.start()
            running.append(Contender(server, contenders.open_model(server)))
        except (BenchError, OSError) as error:
            say(f"SKIPPED {server.name}: {error}")
    return running


def _take(
    contender: Contender,
    cell: Cell,
    duration_s: int,
    samples: dict[tuple[Cell, str], list[Sample]],
) -> None:
    name = contender.server.name
    try:
        contender.measure(cell, 1)  # warms up: Java compiles while it runs
        sample = contender.measure(cell, duration_s)
    except BenchError as error:
        say(f"DROPPED {name} at {cell}: {error}")
        return
    samples[cell, name].append(sample)
    say(f"{cell.megabytes} MB {cell.way}, {cell.connections}, {name}: {sample.per_s:.1f}/s")


def _generate(url: str, cell: Cell, duration_s: int) -> Seen:
    numbers = (*cell.traffic, cell.connections, duration_s)
    command = [sys.executable, "-m", "benchmarks.bodies.generator", url, *map(str, numbers)]
    limit_s = duration_s + _GRACE_S
    result = subprocess.run(
        command, cwd=_ROOT, capture_output=True, text=True, check=False, timeout=limit_s
    )
    if result.returncode != 0:
        raise BenchError(result.stderr)
    seen = Seen(**json.loads(result.stdout))
    if seen.errors or not seen.latencies_s:
        raise BenchError("; ".join(seen.errors) or "no answer came")
    return seen


def _report(
    cells: Sequence[Cell],
    names: Sequence[str],
    samples: dict[tuple[Cell, str], list[Sample]],
) -> Iterator[str]:
    titles = ["MB", "way", "connections", "server", "requests/s", "p50 ms", "CPU ms a request"]
    titles += ["front end's peak MiB", "generator busy %"]
    titles += [f"ours / {name}" for name in names if name != "ours"]
    rows = []
    for cell in cells:
        for name in names:
            if seen := samples.get((cell, name)):
                rows.append(_row(cell, name, seen) + _ratios(cell, name, names, samples))
    yield from table.render(titles, rows)


def _row(cell: Cell, name: str, seen: Sequence[Sample]) -> list[str]:
    rates = [sample.per_s for sample in seen]
    return [
        str(cell.megabytes),
        cell.way,
        str(cell.connections),
        name,
        f"{statistics.median(rates):.1f} ({min(rates):.1f}-{max(rates):.1f})",
        f"{statistics.median(sample.p50_ms for sample in seen):.1f}",
        f"{statistics.median(sample.cpu_ms for sample in seen):.1f}",
        f"{max(sample.front_mib for sample in seen):.0f}",
        f"{statistics.median(sample.client_busy for sample in seen) * 100:.0f}",
    ]


def _ratios(
    cell: Cell,
    name: str,
    names: Sequence[str],
    samples: dict[tuple[Cell, str], list[Sample]],
) -> list[str]:
    """Return the rate of this server by each other's, on the rows of this server."""
    others = [other for other in names if other != "ours"]
    if name != "ours":
        return [""] * len(others)
    ours = statistics.median(sample.per_s for sample in samples[cell, name])
    medians = [[sample.per_s for sample in samples.get((cell, other), ())] for other in others]
    return [f"{ours / statistics.median(rates):.2f}" if rates else "" for rates in medians]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bodies", description=__doc__)
    add = parser.add_argument
    names = [recipe.name for recipe in contenders.RECIPES]
    add("--servers", nargs="+", choices=names, default=names)
    add("--megabytes", nargs="+", type=int, default=[1, 10, 100], help="sizes (1 10 100)")
    add("--ways", nargs="+", choices=list(_WAYS), default=list(_WAYS))
    add("--connections", nargs="+", type=int, default=[1, 4], help="at once (1 4)")
    add("--duration", type=int, default=5, metavar="SECONDS", help="of one measurement (5)")
    add("--rounds", type=int, default=3, help="of all servers (3)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
