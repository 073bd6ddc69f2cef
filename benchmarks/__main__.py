"""`python -m benchmarks`: measure, print the report, exit 0 if what was asked for was measured."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import fleet, machine, rounds, servers, split
from benchmarks.console import minutes, say
from benchmarks.errors import BenchError
from benchmarks.options import exit_on_sigterm, names, number, numbers
from benchmarks.report import Report
from benchmarks.rounds import Plan
from benchmarks.servers import Server
from benchmarks.split import Split

_QUICK = Plan(duration_s=3, rounds=1, warm_up_s=1, first_warm_up_s=5)
_MUST = "ours"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit status is 1 if this server was to be measured and was not."""
    options = _parser().parse_args(arguments)
    exit_on_sigterm()
    try:
        report = _run(_plan(options), options.servers)
    except BenchError as error:
        say(f"nothing was measured: {error}")
        return 1
    print(report.to_markdown())
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(report.to_json())
    measured = {sample.server for sample in report.samples}
    if not measured or (_MUST in options.servers and _MUST not in measured):
        say(f"{_MUST} was not measured")
        return 1
    return 0


def _run(plan: Plan, chosen: Sequence[str]) -> Report:
    here = machine.describe()
    budget_s = plan.budget_s(len(chosen)) + (split.BUDGET_S if _MUST in chosen else 0)
    say(f"{len(chosen)} servers: about {minutes(budget_s)}; the first time, installing adds to it")
    skipped: dict[str, str] = {}
    with fleet.started(chosen, skipped) as running:
        samples = rounds.run(plan, running, skipped)
        versions = {server.name: server.version() for server in running}
        stages = _split([server for server in running if server.name == _MUST])
    return Report(here, versions, plan, samples, skipped, stages)


def _split(ours: Sequence[Server]) -> Split:
    for server in ours:
        say(f"sampling {server.name}, by stage: about {minutes(split.BUDGET_S)}")
        try:
            return split.measure(server)
        except BenchError as error:
            say(f"SKIPPED the split by stage: {error}")
    return {}


def _plan(options: argparse.Namespace) -> Plan:
    base = _QUICK if options.quick else Plan()
    return Plan(
        connections=options.connections or base.connections,
        duration_s=options.duration or base.duration_s,
        rounds=options.rounds or base.rounds,
        warm_up_s=base.warm_up_s,
        first_warm_up_s=base.first_warm_up_s,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="one round of 3 s: a smoke test, not a result")
    every = ",".join(servers.NAMES)
    add("--servers", type=_names, default=servers.DEFAULT_NAMES, help=f"of {every}")
    add("--connections", type=numbers, help="kept alive at once (1,100,200)")
    add("--duration", type=number, metavar="SECONDS", help="of one measurement (6)")
    add("--rounds", type=number, help="of all servers (3)")
    add("--json", type=Path, metavar="FILE", help="where to write every sample")
    return parser


def _names(text: str) -> tuple[str, ...]:
    return names(text, servers.NAMES, "server")


if __name__ == "__main__":
    sys.exit(main())
