"""Schedules: as many requests as the rate says, in order, and the same ones each time."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mms_server.errors import BadRequestError
from mms_server.load.schedule import Arrivals, Phase, Schedule

PHASES = st.lists(
    st.builds(
        Phase,
        st.one_of(st.just(0.0), st.floats(0.1, 200)),
        st.floats(0.01, 3),
    ),
    min_size=1,
    max_size=4,
).map(tuple)
SCHEDULES = st.builds(Schedule, PHASES, st.sampled_from(Arrivals), st.integers())


@given(SCHEDULES)
def test_arrivals_are_in_order_and_within_their_phases(schedule: Schedule) -> None:
    arrivals = list(schedule)
    assert arrivals == sorted(arrivals)
    for arrival in arrivals:
        start_s = schedule.starts_s[arrival.phase]
        assert start_s <= arrival.at_s <= start_s + schedule.phases[arrival.phase].duration_s


@given(SCHEDULES)
def test_the_same_schedule_gives_the_same_arrivals(schedule: Schedule) -> None:
    assert list(schedule) == list(schedule)


@given(st.floats(0.1, 500), st.floats(0.01, 3))
def test_constant_arrivals_are_equally_far_apart(rate_per_s: float, duration_s: float) -> None:
    schedule = Schedule((Phase(rate_per_s, duration_s),), Arrivals.CONSTANT)
    times = [arrival.at_s for arrival in schedule]
    assert times == [index / rate_per_s for index in range(len(times))]
    assert abs(len(times) - rate_per_s * duration_s) <= 1


@given(st.integers(), st.floats(50, 500))
def test_poisson_arrivals_come_at_the_rate(seed: int, rate_per_s: float) -> None:
    count = len(list(Schedule((Phase(rate_per_s, 10),), Arrivals.POISSON, seed)))
    mean = rate_per_s * 10
    # The standard deviation is the root of the mean; seven of them do not happen.
    assert abs(count - mean) < 7 * math.sqrt(mean)


def test_poisson_gaps_are_those_of_an_exponential_distribution() -> None:
    times = [arrival.at_s for arrival in Schedule((Phase(1_000, 20),))]
    gaps = [after - before for before, after in pairwise(times)]
    longer_than_mean = sum(gap > 0.001 for gap in gaps) / len(gaps)
    assert longer_than_mean == pytest.approx(math.exp(-1), abs=0.02)


def test_another_seed_gives_other_arrivals() -> None:
    one, other = (list(Schedule((Phase(100, 1),), seed=seed)) for seed in (1, 2))
    assert one != other


def test_phases_begin_where_those_before_end() -> None:
    phases = Phase(10, 1), Phase(0, 0.5), Phase(20, 2)
    schedule = Schedule(phases, Arrivals.CONSTANT)
    assert schedule.starts_s == [0, 1, 1.5]
    assert schedule.duration_s == 3.5
    numbers = [arrival.phase for arrival in schedule]
    assert [numbers.count(number) for number in range(3)] == [10, 0, 40]


@pytest.mark.parametrize(
    ("rate_per_s", "duration_s"),
    [(-1, 1), (math.inf, 1), (math.nan, 1), (1, 0), (1, -1), (1, math.inf)],
)
def test_what_cannot_be_sent_is_refused(rate_per_s: float, duration_s: float) -> None:
    with pytest.raises(BadRequestError):
        Phase(rate_per_s, duration_s)
