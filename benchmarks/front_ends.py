"""`python -m benchmarks.front_ends`: what a second front-end process would bring, and would take.

A study: this server has one. Two whole servers side by side stand for one with two front ends, each
with a worker and a generator of its own, and the same connections divided between them. A request
costs each process what it costs, so the table also says from how many cores on a second one pays.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks import fleet, machine, processes, table, wrk
from benchmarks.console import Progress, say
from benchmarks.errors import BenchError
from benchmarks.options import exit_on_sigterm, number
from benchmarks.servers import Server
from benchmarks.servers.ours import Ours, OursCompiled

_MOST = 2
_WARM_UP_S = 3
_TITLES = ("front ends", "requests/s", *(f"{part} us" for part in processes.PARTS), "wrk us")


class Spent(NamedTuple):
    """Processor seconds so far, by who spent them."""

    front_end_s: float
    worker_s: float
    generator_s: float


@dataclass(slots=True, frozen=True)
class Round:
    """One load on one or several front ends; costs are microseconds a request."""

    front_ends: int
    served_per_s: float
    costs_us: Spent


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status is 1 if something could not be measured."""
    options = _parser().parse_args(arguments)
    exit_on_sigterm()
    here = machine.describe()
    recipe = OursCompiled if options.compiled else Ours
    try:
        with fleet.made(lambda at: [Server(recipe(), at / str(n)) for n in range(_MOST)]) as pair:
            if len(pair) < _MOST:
                raise BenchError("the servers did not start")
            rounds = _rounds(pair, options)
            version = pair[0].version()
    except BenchError as error:
        say(f"nothing was measured: {error}")
        return 1
    print(f"{here}; load average before the run {here.load_average}\n")
    print(f"- load: wrk {here.wrk}, one thread for each front end, on the same machine")
    print(f"- {options.connections} connections, divided among the front ends")
    print(f"- {recipe().name}: {version}")
    print(f"- {options.rounds} rounds of {options.duration} s, in turn; medians\n")
    print("\n".join(report(rounds)))
    return 0


def report(rounds: Sequence[Round]) -> list[str]:
    """Return the table, and what follows from it."""
    rows = [_row([each for each in rounds if each.front_ends == n]) for n in range(1, _MOST + 1)]
    costs = _median_costs([each for each in rounds if each.front_ends == 1])
    most_per_s = 1e6 / costs.front_end_s
    cores = sum(costs) / costs.front_end_s
    return [
        *table.render(_TITLES, rows),
        "",
        f"One front end is full at {most_per_s:,.0f} requests/s, with {cores:.1f} cores for it, a "
        f"worker and the generator; two would serve {2 * most_per_s:,.0f} with {2 * cores:.1f}.",
    ]


def _row(rounds: Sequence[Round]) -> list[str]:
    served = statistics.median(each.served_per_s for each in rounds)
    costs = _median_costs(rounds)
    return [str(rounds[0].front_ends), f"{served:,.0f}", *(f"{cost:.1f}" for cost in costs)]


def _median_costs(rounds: Sequence[Round]) -> Spent:
    return Spent(*map(statistics.median, zip(*(each.costs_us for each in rounds), strict=True)))


def _rounds(pair: Sequence[Server], options: argparse.Namespace) -> list[Round]:
    for count in range(1, _MOST + 1):
        _load(pair[:count], options.connections, _WARM_UP_S)
    progress = Progress(options.rounds * _MOST)
    rounds = []
    for _ in range(options.rounds):
        for count in range(1, _MOST + 1):
            seen = _load(pair[:count], options.connections, options.duration)
            rounds.append(seen)
            progress.show(f"{count} front ends: {seen.served_per_s:,.0f} requests/s")
    return rounds


def _load(chosen: Sequence[Server], connections: int, duration_s: int) -> Round:
    """Load some servers at once. Raises BenchError if one request fails."""
    before = _spent(chosen)
    share = connections // len(chosen)
    with ThreadPoolExecutor(len(chosen)) as pool:
        running = [
            pool.submit(wrk.run, server.url, share, duration_s, lambda: None) for server in chosen
        ]
        loads = [each.result() for each in running]
    if any(load.refused or load.broken for load in loads):
        raise BenchError("requests failed")
    requests = sum(load.requests for load in loads)
    pairs = zip(before, _spent(chosen), strict=True)
    costs = Spent(*((after_s - before_s) / requests * 1e6 for before_s, after_s in pairs))
    return Round(len(chosen), sum(load.served_per_s for load in loads), costs)


def _spent(chosen: Sequence[Server]) -> Spent:
    parts = [
        sum(processes.cpu_time([processes.find(part, server.pids())]).total_s for server in chosen)
        for part in processes.PARTS
    ]
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)  # of what was waited for: the generators
    front_end_s, worker_s = parts
    return Spent(front_end_s, worker_s, usage.ru_utime + usage.ru_stime)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.front_ends", description=__doc__)
    add = parser.add_argument
    add("--compiled", action="store_true", help="measure the compiled server")
    add("--connections", type=number, default=100, help="in all (100)")
    add("--duration", type=number, default=10, metavar="SECONDS", help="of one number (10)")
    add("--rounds", type=number, default=3, help="of both (3)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
