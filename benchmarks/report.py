"""The report: where it was measured, the numbers, and their ratios; Markdown or JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks import servers, split, table
from benchmarks.machine import Machine
from benchmarks.measure import Measurement
from benchmarks.rounds import Plan, Sample
from benchmarks.split import Split
from benchmarks.summary import CLIENT, QUANTITIES, SUCCESS, Cell, Quantity, by_cell, spread

_REASON_CHARACTERS = 200


@dataclass(slots=True, frozen=True)
class Report:
    """All that is known after a run; `versions` and why one was `skipped` by server name."""

    machine: Machine
    versions: Mapping[str, str]
    plan: Plan
    samples: Sequence[Sample]
    skipped: Mapping[str, str] = field(default_factory=dict)
    split: Split = field(default_factory=dict)
    """This server's processor time by stage; empty where it was not measured."""

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
        if self.split:
            lines += ["", *split.render("ours: CPU per request", self.split)]
        if steps := split.steps(self.samples):
            lines += ["", *split.render("ours: p50 at one connection", steps)]
        return "\n".join(lines)

    def to_json(self) -> str:
        """Return every sample of every round, with machine, versions and plan."""
        return json.dumps(dataclasses.asdict(self), indent=2)


def _facts(report: Report) -> Iterator[str]:
    machine, plan = report.machine, report.plan
    yield f"{machine}; load average before the run {machine.load_average}"
    yield ""
    yield f"- load: wrk {machine.wrk}, one thread, on the same machine as the servers"
    for name, version in report.versions.items():
        yield f"- {name}: {version}"
    yield (
        f"- rounds: {plan.rounds}, servers in turn, {plan.duration_s} s for each number after "
        f"{plan.warm_up_s} s of warm-up; median (least-most)"
    )
    yield "- CPU and memory: of all processes of a server; memory: the most seen (PSS)"
    yield "- wrk busy near 100 %: the load generator is the limit, and that server could do more"
    if {"mms", "torchserve"} & report.versions.keys():
        yield (
            "- mms and torchserve run with job_queue_size=1000: their default of 100 refuses most "
            "requests at 200 connections"
        )
    if "torchserve" in report.versions:
        yield "- torchserve runs without torch, which would add to its memory"
    for name, reason in report.skipped.items():
        yield f"- {name} SKIPPED: {' '.join(reason.split())[:_REASON_CHARACTERS]}"


def _measured_titles() -> list[str]:
    return ["connections", "server", *_titles((*QUANTITIES, CLIENT, SUCCESS))]


def _measured_row(cell: Cell, measurements: Sequence[Measurement]) -> list[str]:
    server, connections = cell
    shown = [_with_spread(quantity, measurements) for quantity in QUANTITIES]
    client = spread(CLIENT, measurements).median
    success = spread(SUCCESS, measurements).least
    return [str(connections), server, *shown, f"{client:.0f}", table.percent(success)]


def _with_spread(quantity: Quantity, measurements: Sequence[Measurement]) -> str:
    seen = spread(quantity, measurements)
    median, least, most = (
        f"{value:,.{quantity.decimals}f}" for value in (seen.median, seen.least, seen.most)
    )
    return f"{median} ({least}-{most})" if quantity.has_spread and len(measurements) > 1 else median


def _ratio_rows(cells: Mapping[Cell, Sequence[Measurement]]) -> Iterator[list[str]]:
    for connections in dict.fromkeys(connections for _, connections in cells):
        for subject, base in _pairs():
            ours, theirs = cells.get((subject, connections)), cells.get((base, connections))
            if ours and theirs:
                ratios = [_ratio(quantity, ours, theirs) for quantity in QUANTITIES]
                yield [str(connections), f"{subject} / {base}", *ratios]


def _pairs() -> list[tuple[str, str]]:
    """Return ours, in each configuration, with all that come after it."""
    names = servers.NAMES
    ours = [name for name in names if name in servers.OURS]
    return [(name, base) for name in ours for base in names[names.index(name) + 1 :]]


def _ratio(quantity: Quantity, ours: Sequence[Measurement], theirs: Sequence[Measurement]) -> str:
    base = spread(quantity, theirs).median
    return f"{spread(quantity, ours).median / base:.2f}" if base else "-"


def _titles(quantities: Iterable[Quantity]) -> list[str]:
    return [quantity.title for quantity in quantities]
