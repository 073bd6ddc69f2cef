"""Overload: each bound is missed by what breaks it, and by nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.overload.excess import TITLES, Excess
from support.tallies import tally


def missed(
    *, growth_bytes: int = 1_000_000, advised: int = 2_000, errors: int = 0, **books: Any
) -> list[str]:
    seen = tally(refused=2_000, **books)
    seen.advised = advised
    if errors:
        seen.errors["reset"] = errors
    excess = Excess("ours-1s", 100.0, seen, growth_bytes)
    return [what for what, met in excess.bounds() if not met]


def test_what_holds_them_all_misses_none() -> None:
    assert missed() == []


@pytest.mark.parametrize(
    ("broken", "bound"),
    [
        ({"good": 940}, "goodput"),
        ({"good_s": 1.2}, "2xx within"),
        ({"refused_s": 0.05}, "refusals within"),
        ({"advised": 1_999}, "Retry-After"),
        ({"errors": 1}, "nothing else"),
        ({"growth_bytes": 20_000_000}, "memory"),
    ],
)
def test_what_breaks_one_misses_that_one(broken: dict[str, Any], bound: str) -> None:
    (what,) = missed(**broken)
    assert bound in what


def test_a_row_has_a_cell_for_each_title() -> None:
    row = Excess("mms", 100.0, tally(good=980, refused=2_000), 5_000_000).row()
    assert len(row) == len(TITLES)
    assert row[3:5] == ["98.0", "98.0%"]
    assert row[7:12] == ["2,000", "2,000", "1.0", "0", "5.0"]


def test_without_refusals_they_have_no_latency() -> None:
    assert Excess("ours", 100.0, tally(), 0).row()[9] == "-"
