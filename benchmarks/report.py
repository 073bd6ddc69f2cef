"""The report: where it was measured, the numbers, and their ratios; Markdown or JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks import servers, table
from benchmarks.machine import Machine
from benchmarks.measure import Measurement
from benchmarks.rounds import Plan, Sample
from benchmarks.summary import CLIENT, FAILED, QUANTITIES, Cell, Quantity, by_cell, spread


@dataclass(slots=True, frozen=True)
class Report:
    """All that is known after a run; `versions` by server name."""

    machine: Machine
    versions: Mapping[str, str]
    plan: Plan
    samples: Sequence[Sample]

    def to_markdown(self) -> str:
        """Return the report as it is printed and as it goes into the documentation."""
        cells = by_cell(self.samples)
        ratios = list(_ratio_rows(cells))
        lines = [
            *_facts(self),
            "",
            *table.render(_measured_titles(), [_measured_row(*cell) for cell in cells.items()]),
        ]
        if ratios:
            lines += ["", *table.render(["connections", "ratio", *_titles(QUANTITIES)], ratios)]
        return "\n".join(lines)

    def to_json(self) -> str:
        """Return every sample of every round, with machine, versions and plan."""
        return json.dumps(dataclasses.asdict(self), indent=2)


def _facts(report: Report) -> Iterator[str]:
    machine, plan = report.machine, report.plan
    yield (
        f"{machine.processor}, {machine.cores} cores, {machine.memory_gib} GiB, {machine.kernel}; "
        f"load average before the run {machine.load_average}; commit {machine.commit}"
    )
    yield ""
    yield f"- load: wrk {machine.wrk}, one thread, on the same machine as the servers"
    for name, version in report.versions.items():
        yield f"- {name}: {version}"
    yield (
        f"- rounds: {plan.rounds}, servers in turn, {plan.duration_s} s for each number after "
        f"{plan.warm_up_s} s of warm-up; median (least-most)"
    )
    yield "- wrk busy near 100 %: the load generator is the limit, and that server could do more"
    if "mms" in report.versions:
        yield "- mms runs with job_queue_size=1000: its default of 100 refuses at 200 connections"


def _measured_titles() -> list[str]:
    return ["connections", "server", *_titles((*QUANTITIES, CLIENT, FAILED))]


def _measured_row(cell: Cell, measurements: Sequence[Measurement]) -> list[str]:
    server, connections = cell
    shown = [_with_spread(quantity, measurements) for quantity in QUANTITIES]
    client, failed = (spread(quantity, measurements) for quantity in (CLIENT, FAILED))
    return [str(connections), server, *shown, f"{client.median:.0f}", f"{failed.most:.0f}"]


def _with_spread(quantity: Quantity, measurements: Sequence[Measurement]) -> str:
    seen = spread(quantity, measurements)
    median, least, most = (
        f"{value:,.{quantity.decimals}f}" for value in (seen.median, seen.least, seen.most)
    )
    return f"{median} ({least}-{most})" if len(measurements) > 1 else median


def _ratio_rows(cells: Mapping[Cell, Sequence[Measurement]]) -> Iterator[list[str]]:
    for connections in dict.fromkeys(connections for _, connections in cells):
        for subject, base in _pairs():
            ours, theirs = cells.get((subject, connections)), cells.get((base, connections))
            if ours and theirs:
                ratios = [_ratio(quantity, ours, theirs) for quantity in QUANTITIES]
                yield [str(connections), f"{subject} / {base}", *ratios]


def _pairs() -> list[tuple[str, str]]:
    names = servers.NAMES
    return [(names[i], base) for i in range(len(names)) for base in names[i + 1 :]]


def _ratio(quantity: Quantity, ours: Sequence[Measurement], theirs: Sequence[Measurement]) -> str:
    base = spread(quantity, theirs).median
    return f"{spread(quantity, ours).median / base:.2f}" if base else "-"


def _titles(quantities: Iterable[Quantity]) -> list[str]:
    return [quantity.title for quantity in quantities]
