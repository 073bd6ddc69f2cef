"""Curves: their tables, their budget, and how servers are brought to a value."""

from __future__ import annotations

import os

import pytest

from benchmarks import curves, sweeps
from benchmarks.curves import Curve, Curves, Point
from benchmarks.sweeps import Asking
from support.loads import HERE, load


def test_a_point_that_is_missing_is_a_dash_and_why_is_said() -> None:
    curve = Curve("models", "By models", "models", has_zero=False)
    curve.points = [
        Point("ours", 1, load(requests=2000)),
        Point("mms", 1, load(requests=500, broken=500)),
        Point("ours", 1000, load(requests=1000)),
    ]
    curve.skipped = ["mms from 1,000 models on: too large"]
    lines = Curves(HERE, {}, 3, [curve]).to_markdown().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert ["1", "2,000", "3.00", "100", "500", "3.00", "50.00"] in cells
    assert ["1,000", "1,000", "3.00", "100", "-", "-", "-"] in cells
    assert "mms from 1,000 models on: too large" in lines


def test_the_budget_counts_every_point() -> None:
    chosen = sweeps.all_sweeps()
    points = sum(len(sweep.values) * len(sweep.recipes) for sweep in chosen)
    assert curves.budget_s(chosen, 4) - curves.budget_s(chosen, 3) == pytest.approx(points)


def test_sweeps_reach_as_far_as_they_say() -> None:
    largest = {sweep.name: sweep.values[-1] for sweep in sweeps.all_sweeps()}
    assert largest == {
        "connections": 10_000,
        "body-size": 100_000_000,
        "workers-noop": 64,
        "workers-sleeper": 64,
        "models": 1_000,
    }


def test_many_connections_get_time_to_connect() -> None:
    assert Asking(connections=100).ramp_s == 0
    assert Asking(connections=10_000).ramp_s == 10


def test_available_memory_is_part_of_the_machines() -> None:
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < sweeps.available_bytes() < whole
