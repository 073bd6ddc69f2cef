"""What clients of the no-op model notice of something else that the server does meanwhile.

The model is loaded at a constant number of connections, in turn quiet and disturbed; the medians
over the rounds are compared.
"""

from __future__ import annotations

import argparse
import statistics
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks import fleet, machine, table, wrk
from benchmarks.console import say
from benchmarks.errors import BenchError
from benchmarks.options import exit_on_sigterm
from benchmarks.servers import Server
from benchmarks.wrk import Load

_WARM_UP_S = 5
_TIMEOUT_S = 300.0


class Disturbance(Protocol):
    """Something else that the server does, made for a server that runs."""

    column: str
    """Heads the disturbed column of the report."""

    @property
    def meanwhile(self) -> str:
        """What was done in the disturbed rounds; asked for once they are over."""

    def running(self) -> AbstractContextManager[None]:
        """Do it while the block runs. Raises BenchError or OSError when it cannot be done."""


@dataclass(slots=True)
class Seen:
    """The loads of all rounds."""

    quiet: list[Load] = field(default_factory=list)
    busy: list[Load] = field(default_factory=list)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add how much to measure: `connections`, `duration` and `rounds`."""
    add = parser.add_argument
    add("--connections", type=int, default=100, help="kept alive at once (100)")
    add("--duration", type=int, default=10, metavar="SECONDS", help="of one measurement (10)")
    add("--rounds", type=int, default=3, help="of both (3)")


def run(name: str, options: argparse.Namespace, make: Callable[[Server], Disturbance]) -> int:
    """Start a server, measure and print; the exit status is 1 if nothing was measured."""
    exit_on_sigterm()
    with fleet.started([name]) as running:
        if not running:
            return 1
        (server,) = running
        disturbance = make(server)
        try:
            seen = _measure(server, options, disturbance)
        except (BenchError, OSError) as error:
            say(f"nothing was measured: {error}")
            return 1
    print(_report(seen, options, disturbance))
    return 0


def _measure(server: Server, options: argparse.Namespace, disturbance: Disturbance) -> Seen:
    seen = Seen()
    _load(server, options.connections, _WARM_UP_S)
    for _ in range(options.rounds):
        seen.quiet.append(_load(server, options.connections, options.duration))
        with disturbance.running():
            seen.busy.append(_load(server, options.connections, options.duration))
        say(f"p99 quiet {seen.quiet[-1].p99_ms:.2f} ms, busy {seen.busy[-1].p99_ms:.2f} ms")
    return seen


def _report(seen: Seen, options: argparse.Namespace, disturbance: Disturbance) -> str:
    rows = []
    for title, of in (
        ("requests/s", lambda load: load.served_per_s),
        ("p50 ms", lambda load: load.p50_ms),
        ("p99 ms", lambda load: load.p99_ms),
    ):
        quiet, busy = (statistics.median(map(of, loads)) for loads in (seen.quiet, seen.busy))
        rows.append([title, f"{quiet:,.2f}", f"{busy:,.2f}", f"{busy / quiet:.2f}"])
    lines = [
        str(machine.describe()),
        f"{options.connections} connections, {options.rounds} rounds of {options.duration} s each, "
        f"in turn; {disturbance.meanwhile}",
        "",
        *table.render(["median", "quiet", disturbance.column, "ratio"], rows),
    ]
    return "\n".join(lines)


def ask(method: str, url: str) -> bytes:
    """Send a request to the management API. Raises OSError, for an error status too."""
    request = urllib.request.Request(url, method=method)
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
        return bytes(answer.read())


def _load(server: Server, connections: int, duration_s: int) -> Load:
    load = wrk.run(server.url, connections, duration_s, on_tick=lambda: None)
    if load.refused or load.broken:
        raise BenchError(f"{load.refused} answers were refused and {load.broken} broken")
    return load
