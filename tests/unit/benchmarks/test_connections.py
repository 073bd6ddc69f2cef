"""Thousands of connections: what counts as clean, and what is printed."""

from __future__ import annotations

import pytest

from benchmarks.connections import Point
from mms_server.load import Result
from mms_server.load.pool import Connections
from support.tallies import tally


def point(*, lost: int = 0, at_start: int = 1_000, refused: int = 0) -> Point:
    connections = Connections(1_000, at_start=at_start, opened=at_start + lost, lost=lost)
    result = Result([tally(), tally(refused=refused)], connections, is_interrupted=False)
    return Point("ours", 1_000, result, 50 * 2**20)


def test_all_200_over_connections_that_last_is_clean() -> None:
    assert point().is_clean


@pytest.mark.parametrize("wrong", [{"lost": 1}, {"at_start": 999}, {"refused": 1}])
def test_anything_else_is_not(wrong: dict[str, int]) -> None:
    assert not point(**wrong).is_clean


def test_a_failure_in_the_warm_up_is_one() -> None:
    seen = point()
    seen.result.tallies[0].errors["reset"] += 1
    assert not seen.is_clean


def test_a_row_has_all_requests() -> None:
    row = point(refused=5, lost=2).row()
    assert row == [
        "1,000 of 1,000", "ours", "2,005", "2,000", "5", "0", "2",
        "100.00", "100.00", "100.00", "50", "0.0",
    ]  # fmt: skip
