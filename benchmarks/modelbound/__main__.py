"""`python -m benchmarks.modelbound`: how much of a model's own rate is left behind this server.

The baseline is the same handler called in a loop, in one process with as many threads, on a machine
that does nothing else; the server shares its cores with the generator, whose part is shown. Both in
turn, several rounds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import disturbance, fleet, machine, table, workload, wrk
from benchmarks.console import say
from benchmarks.errors import BenchError
from benchmarks.measure import settle
from benchmarks.modelbound.cases import Case, Model, all_cases, bare_per_s, make_model
from benchmarks.options import exit_on_sigterm, names, number
from benchmarks.servers import Server
from benchmarks.servers.ours import Ours, OursCompiled
from benchmarks.servers.properties import STORE
from mms_server.errors import MMSError

_WARM_UP_S = 2
_DELAY_MS = 20
_TITLES = ("model", "baseline/s", "server/s", "ratio", "goal", "", "generator % of a core")


@dataclass(slots=True)
class Outcome:
    """The rounds of one case."""

    case: Case
    baseline_per_s: list[float] = field(default_factory=list)
    served_per_s: list[float] = field(default_factory=list)
    client_busy: list[float] = field(default_factory=list)

    def row(self) -> list[str]:
        """Return the cells of its line, under `_TITLES`."""
        ratios = [
            served / base
            for served, base in zip(self.served_per_s, self.baseline_per_s, strict=True)
        ]
        ratio = statistics.median(ratios)
        return [
            self.case.title,
            f"{statistics.median(self.baseline_per_s):,.1f}",
            f"{statistics.median(self.served_per_s):,.1f}",
            f"{ratio:.3f} ({min(ratios):.3f}-{max(ratios):.3f})",
            f"{self.case.goal:g}",
            "met" if ratio >= self.case.goal else "MISSED",
            f"{statistics.median(self.client_busy) * 100:.1f}",
        ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status is 1 if something could not be measured."""
    options = _parser().parse_args(arguments)
    exit_on_sigterm()
    here = machine.describe()
    cases = all_cases()
    made = OursCompiled if options.compiled else Ours
    recipe = made(settings=[f"model_pythons={sys.executable}"])
    try:
        outcomes = [
            _measure(cases[name], recipe, options.duration, options.rounds)
            for name in options.cases
        ]
    except (BenchError, MMSError, OSError) as error:
        say(f"not all was measured: {error}")
        return 1
    print(f"{here}; load average before the run {here.load_average}\n")
    print(f"- {recipe.name}: {recipe.version()}")
    print(f"- load: wrk {here.wrk}, one thread, on the same machine")
    print(f"- {options.rounds} rounds of {options.duration} s, in turn; median (least-most)\n")
    print("\n".join(table.render(_TITLES, [outcome.row() for outcome in outcomes])))
    return 0


def _measure(case: Case, recipe: Ours, duration_s: int, rounds: int) -> Outcome:
    outcome = Outcome(case)
    with (
        tempfile.TemporaryDirectory(prefix="mms-bench-") as folder,
        _environment(case),
        fleet.made(lambda at: [Server(recipe, at / recipe.name)]) as running,
    ):
        model = make_model(case.model, Path(folder))
        if not running:
            raise BenchError("the server did not start")
        _serve(running[0], case, model)
        for _ in range(rounds):
            _take(running[0], case, model, duration_s, outcome)
            say(" ".join(outcome.row()))
    return outcome


@contextmanager
def _environment(case: Case) -> Iterator[None]:
    """Give the server, and so its workers, the variables of the case."""
    before = dict(os.environ)
    os.environ.update(case.environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _serve(server: Server, case: Case, model: Model) -> None:
    shutil.copytree(model.folder, server.folder / STORE / model.name)
    query = f"url={model.name}&model_name={model.name}&initial_workers=1&synchronous=true"
    batching = f"batch_size={case.batch_size}&max_batch_delay={_DELAY_MS}"
    disturbance.ask("POST", f"{server.management_url}/models?{query}&{batching}")
    server.url = server.url.replace(workload.PATH, f"/predictions/{model.name}")


def _take(server: Server, case: Case, model: Model, duration_s: int, outcome: Outcome) -> None:
    if case.workers == 1:
        outcome.baseline_per_s.append(bare_per_s(case, model, duration_s))
    else:
        outcome.baseline_per_s.append(_load(server, case, model, duration_s, 1).served_per_s)
    load = _load(server, case, model, duration_s, case.workers)
    outcome.served_per_s.append(load.served_per_s)
    outcome.client_busy.append(load.client_cpu_s / load.duration_s)


def _load(server: Server, case: Case, model: Model, duration_s: int, workers: int) -> wrk.Load:
    path = f"/models/{model.name}?min_worker={workers}&synchronous=true"
    disturbance.ask("PUT", server.management_url + path)
    _run(server, case, model, _WARM_UP_S)
    settle(server)  # a request that wrk has left would be 0.5 % of a round of 2 s
    load = _run(server, case, model, duration_s)
    if load.refused or load.broken:
        raise BenchError(f"{load.refused} answers were refused and {load.broken} broken")
    return load


def _run(server: Server, case: Case, model: Model, duration_s: int) -> wrk.Load:
    body = f"@{model.body}"
    return wrk.run(server.url, case.connections, duration_s, on_tick=lambda: None, body=body)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.modelbound", description=__doc__)
    add = parser.add_argument
    known = tuple(all_cases())
    add("--cases", type=lambda text: names(text, known, "case"), default=known)
    add("--compiled", action="store_true", help="measure what `make wheel` builds")
    add("--duration", type=number, default=10, metavar="SECONDS", help="of one number (10)")
    add("--rounds", type=number, default=3, help="of both (3)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
