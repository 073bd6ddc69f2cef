"""Histograms against a sorted list of the same durations."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mms_server.load.histogram import Histogram

DURATIONS = st.lists(st.floats(0, 100_000), min_size=1)
SHARES = st.sampled_from([0.0, 0.5, 0.9, 0.99, 0.999, 1.0])


def histogram(durations_s: list[float]) -> Histogram:
    made = Histogram()
    for duration_s in durations_s:
        made.add(duration_s)
    return made


@given(DURATIONS, SHARES)
def test_a_quantile_is_the_one_of_the_sorted_list(durations_s: list[float], share: float) -> None:
    rank = max(1, math.ceil(share * len(durations_s)))
    exact = sorted(durations_s)[rank - 1]
    seen = histogram(durations_s).quantile_s(share)
    # Up to the next microsecond, and to the end of a step of 1/1024.
    assert exact <= seen or math.isclose(exact, seen)
    assert seen <= (exact + 1e-6) * (1 + 1 / 1024) + 1e-9


@given(DURATIONS)
def test_count_extremes_and_mean_are_exact(durations_s: list[float]) -> None:
    made = histogram(durations_s)
    assert made.count == len(durations_s)
    assert made.max_s == made.quantile_s(1.0) == max(durations_s)
    assert made.mean_s == pytest.approx(sum(durations_s) / len(durations_s))


@given(DURATIONS, DURATIONS, SHARES)
def test_merging_is_counting_both(one: list[float], other: list[float], share: float) -> None:
    merged = histogram(one)
    merged.merge(histogram(other))
    both = histogram(one + other)
    assert merged.quantile_s(share) == both.quantile_s(share)
    assert (merged.count, merged.max_s) == (both.count, both.max_s)
    assert merged.mean_s == pytest.approx(both.mean_s)


def test_nothing_counted_is_zero() -> None:
    empty = Histogram()
    assert (empty.count, empty.max_s, empty.mean_s, empty.quantile_s(0.99)) == (0, 0, 0, 0)


def test_a_duration_below_zero_counts_as_zero() -> None:
    assert histogram([-1.0, -1.0, 5.0]).quantile_s(0.5) == 0


def test_memory_does_not_grow_with_the_count() -> None:
    made = histogram([index / 1e6 for index in range(1, 100_000)])
    assert len(made._counts) < 10_000
