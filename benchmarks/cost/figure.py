"""One figure of what running costs: this server's, MMS's, and what was aimed at."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks import table

OURS = "ours"
THEIRS = "mms"


@dataclass(slots=True, frozen=True)
class Figure:
    """A title with its unit, the samples by server, and a goal in words.

    The median over the samples is shown, with the least and the most where there are several.
    """

    title: str
    samples: Mapping[str, Sequence[float]]
    goal: str = ""
    digits: int = 1


def render(figures: Iterable[Figure]) -> list[str]:
    """Return the lines of a table: a row a figure; ratios only where MMS was measured, too."""
    rows = [
        [
            figure.title,
            *(_cell(figure.samples.get(name, ()), figure.digits) for name in (OURS, THEIRS)),
            _ratio(figure.samples),
            figure.goal,
        ]
        for figure in figures
    ]
    return table.render(["", OURS, THEIRS, f"{OURS} / {THEIRS}", "goal"], rows)


def _cell(samples: Sequence[float], digits: int) -> str:
    if not samples:
        return "-"
    shown = [f"{each:,.{digits}f}" for each in (statistics.median(samples), min(samples))]
    if len(samples) == 1:
        return shown[0]
    return f"{shown[0]} ({shown[1]}-{max(samples):,.{digits}f})"


def _ratio(samples: Mapping[str, Sequence[float]]) -> str:
    ours, theirs = samples.get(OURS), samples.get(THEIRS)
    if not ours or not theirs or not statistics.median(theirs):
        return "-"
    return f"{statistics.median(ours) / statistics.median(theirs):.2f}"
