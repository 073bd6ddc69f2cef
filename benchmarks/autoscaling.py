"""`python -m benchmarks.autoscaling`: how the number of workers follows a step of the load.

A model that sleeps 10 ms, between one worker and eight. A load for part of one worker, then for
several, then as before. `scale_down_after` is shorter than by default, so that its end is seen.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from benchmarks import disturbance, fleet, machine, offered, sleeper, table, workload
from benchmarks.console import say
from benchmarks.errors import BenchError
from benchmarks.options import exit_on_sigterm, number
from benchmarks.servers import Server
from benchmarks.servers.ours import Ours
from mms_server.load import Kind, Phase, Tally
from mms_server.server import raise_file_limit

_MOST = 8
_DOWN_S = 10
_BELOW, _ABOVE = 0.4, 3.5
"""Rates, as shares of what one worker can answer."""

_ROW_S, _STEP_ROW_S = 10, 2
"""One line of the table, and one phase of the load: shorter after the step, where much happens."""

_CONNECTIONS = 2_000
_TIMEOUT_S = 90.0
_LOOK_S = 0.05
_TITLES = ("from s", "offered/s", "workers", "2xx p50 ms", "2xx p99 ms", "not 2xx")


@dataclass(slots=True, frozen=True)
class Seen:
    """How many workers took work at one moment, on the clock of `time.monotonic`."""

    at: float
    ready: int


class Watch:
    """Looks at a model's workers again and again, from a thread of its own."""

    def __init__(self, server: Server) -> None:
        self.seen: list[Seen] = []
        self._url = f"{server.management_url}/models/{sleeper.NAME}"
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._is_over.wait(_LOOK_S):
            workers = json.loads(disturbance.ask("GET", self._url))["workers"]
            ready = sum(worker["state"] in ("ready", "busy") for worker in workers)
            if not self.seen or self.seen[-1].ready != ready:
                self.seen.append(Seen(time.monotonic(), ready))

    def ready_at(self, moment: float) -> int:
        """Return how many there were at a moment, 0 before the first look."""
        return next((seen.ready for seen in reversed(self.seen) if seen.at <= moment), 0)


class Step:
    """One run: what was asked, when, and what was seen."""

    def __init__(self, quiet_s: int, busy_s: int, after_s: int) -> None:
        one = 1000 / sleeper.SLEEP_MS
        self._phases = [
            Phase(one * share, row_s)
            for share, duration_s, row_s in (
                (_BELOW, quiet_s, _ROW_S),
                (_ABOVE, busy_s, _STEP_ROW_S),
                (_BELOW, after_s, _ROW_S),
            )
            for _ in range(duration_s // row_s)
        ]
        self._began = 0.0
        self._step_s = quiet_s
        self._back_s = quiet_s + busy_s
        self._tallies: list[Tally] = []
        self._watch: Watch

    def measure(self, server: Server) -> None:
        """Offer the load. Raises BenchError."""
        server.url = server.url.replace(workload.PATH, sleeper.serve(server))
        bounds = f"min_worker=1&max_worker={_MOST}&synchronous=true"
        disturbance.ask("PUT", f"{server.management_url}/models/{sleeper.NAME}?{bounds}")
        with Watch(server) as self._watch:
            self._tallies = offered.run(
                server, self._phases, _CONNECTIONS, _TIMEOUT_S, self._note_begin
            ).tallies

    def _note_begin(self, phase: int) -> None:
        if phase == 0:
            self._began = time.monotonic()
        else:
            now = time.monotonic()
            say(f"{now - self._began:.0f} s: {self._watch.ready_at(now)} workers")

    def rows(self) -> Iterator[list[str]]:
        """Return the lines of the table, under `_TITLES`."""
        at = 0.0
        for tally in self._tallies:
            good = tally.latency[Kind.GOOD]
            end = at + tally.phase.duration_s
            yield [
                f"{at:.0f}",
                f"{tally.phase.rate_per_s:.0f}",
                str(self._watch.ready_at(self._began + end)),
                f"{good.quantile_s(0.5) * 1e3:,.0f}",
                f"{good.quantile_s(0.99) * 1e3:,.0f}",
                str(tally.sent - good.count),
            ]
            at = end

    def facts(self) -> Iterator[str]:
        """Say when the number of workers changed."""
        moves = [(seen.at - self._began, seen.ready) for seen in self._watch.seen]
        up = [(at - self._step_s, n) for at, n in moves if self._step_s <= at < self._back_s]
        down = [(at - self._back_s, n) for at, n in moves if at >= self._back_s]
        for title, changes in (("after the step", up), ("after its end", down)):
            yield f"{title}: " + ", ".join(f"{n} at {at:.1f} s" for at, n in changes)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status is 1 if the server could not be measured."""
    options = _parser().parse_args(arguments)
    exit_on_sigterm()
    raise_file_limit()
    here = machine.describe()
    recipe = Ours(settings=[f"scale_down_after={_DOWN_S}"])
    step = Step(options.quiet, options.busy, options.after)
    try:
        with fleet.made(lambda folder: [Server(recipe, folder / recipe.name)]) as running:
            for server in running:
                step.measure(server)
    except BenchError as error:
        say(f"nothing was measured: {error}")
        return 1
    print(f"{here}; load average before the run {here.load_average}\n")
    for fact in (offered.describe(_TIMEOUT_S), f"scale_down_after={_DOWN_S}", *step.facts()):
        print(f"- {fact}")
    print("\n" + "\n".join(table.render(_TITLES, list(step.rows()))))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.autoscaling", description=__doc__)
    add = parser.add_argument
    add("--quiet", type=number, default=10, metavar="SECONDS", help="before the step (10)")
    add("--busy", type=number, default=20, metavar="SECONDS", help="of the step (20)")
    add("--after", type=number, default=60, metavar="SECONDS", help="after it (60)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
