"""Markdown tables whose source is readable too."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence


def render(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table; every row has as many cells as there are titles."""
    every = [titles, *rows]
    widths = [max(len(row[column]) for row in every) for column in range(len(titles))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in every
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return [lines[0], rule, *lines[1:]]


def percent(share: float) -> str:
    """Return a share of 1 in percent, rounded down: 100 is said only of the whole."""
    if share in (0, 1):
        return f"{share * 100:.0f}"
    return f"{math.floor(share * 10_000) / 100:.2f}"
