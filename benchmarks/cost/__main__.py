"""`python -m benchmarks.cost`: what it costs to run this server, beside MMS.

Memory and the start of a server of one no-op model, the management API of many models without
workers, and ten models with a worker each that nobody asks. Logs are off.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence

from benchmarks import fleet, machine
from benchmarks.console import say
from benchmarks.cost import figure, idle, management, memory, start
from benchmarks.cost.figure import OURS, THEIRS, Figure
from benchmarks.errors import BenchError
from benchmarks.options import exit_on_sigterm, number, numbers
from benchmarks.servers import Server

_NAMES = (OURS, THEIRS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status is 1 if nothing was measured."""
    options = _parser().parse_args(arguments)
    exit_on_sigterm()
    here = machine.describe()
    versions: dict[str, str] = {}
    try:
        figures = list(_figures(options, versions))
    except (BenchError, OSError) as error:
        say(f"nothing was measured: {error}")
        return 1
    notes = [f"- {name}: {version}" for name, version in versions.items()]
    print("\n".join([f"{here}; load average before the run {here.load_average}", "", *notes, ""]))
    print("\n".join(figure.render(figures)))
    return 0


def _figures(options: argparse.Namespace, versions: dict[str, str]) -> Iterator[Figure]:
    yield from start.figures(_NAMES, options.rounds)
    measures: tuple[Callable[[Sequence[Server]], list[Figure]], ...] = (
        memory.figures,
        lambda running: management.figures(running, options.models),
    )
    with fleet.started(_NAMES) as running:
        versions.update({server.name: server.version() for server in running})
        for measure in measures:
            yield from measure(running)
    with fleet.started(_NAMES) as running:
        yield from idle.figures(running, options.duration)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__)
    add = parser.add_argument
    add("--rounds", type=number, default=5, help="starts of each server (5)")
    add("--models", type=numbers, default=management.COUNTS, help="registered (1,10,100,1000)")
    add("--duration", type=number, default=60, metavar="SECONDS", help="of idling (60)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
