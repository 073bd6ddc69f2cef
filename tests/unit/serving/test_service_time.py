from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mms_server.serving.service_time import ServiceTime, TurnTime


def test_the_first_measurement_counts_whole() -> None:
    service_time = ServiceTime()
    assert service_time.batch_s is None
    service_time.add(0.2)
    assert service_time.batch_s == 0.2


def test_a_step_is_known_after_twenty_batches() -> None:
    service_time = ServiceTime()
    for busy_s in [0.005] * 50 + [0.05] * 20:
        service_time.add(busy_s)
    assert service_time.batch_s == pytest.approx(0.005 + 0.045 * 0.93, rel=0.01)


@given(st.lists(st.floats(1e-6, 1e3), min_size=1))
def test_it_stays_within_what_was_measured(samples: list[float]) -> None:
    service_time = ServiceTime()
    for busy_s in samples:
        service_time.add(busy_s)
    assert service_time.batch_s is not None
    assert min(samples) * 0.999 <= service_time.batch_s <= max(samples) * 1.001


def turn_time(turns_s: list[float], busy_s: float = 0.0) -> float:
    """Say what is known after these turns, in each of which the handler took `busy_s`."""
    service_time = ServiceTime()
    turn = TurnTime(service_time)
    for turn_s in turns_s:
        service_time.add(busy_s)
        turn.add(turn_s)
    assert turn.batch_s is not None
    return turn.batch_s


def test_nothing_is_known_before_the_first_batch() -> None:
    assert TurnTime(ServiceTime()).batch_s is None


def test_the_first_turns_are_averaged() -> None:
    assert turn_time([0.01, 0.02, 0.06]) == pytest.approx(0.03)


def test_a_turn_goes_back_a_queue_s_length() -> None:
    known_s = turn_time([0.01] * 1_000 + [0.02] * 32)
    assert known_s == pytest.approx(0.02 - 0.01 * (31 / 32) ** 32)


def test_the_newest_batches_count_where_they_are_slower() -> None:
    assert turn_time([0.01] * 100, busy_s=0.05) == pytest.approx(0.05)


def test_quick_batches_whose_results_come_together_are_averaged() -> None:
    burst_s = [0.002, *[0.0] * 19]
    assert turn_time(burst_s * 100) == pytest.approx(0.0001, rel=0.2)
    assert turn_time(burst_s) == 0, "too little to say"


@given(st.lists(st.floats(0.005, 1e3), min_size=1))
def test_a_turn_stays_within_what_was_measured(turns_s: list[float]) -> None:
    assert min(turns_s) * 0.999 <= turn_time(turns_s) <= max(turns_s) * 1.001
