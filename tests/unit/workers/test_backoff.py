from __future__ import annotations

from mms_server.workers.backoff import CEILING_S, STABLE_S, Backoff


def test_a_model_that_never_loads() -> None:
    backoff = Backoff()
    waits = [backoff.wait_s(0.0) for _ in range(12)]
    assert waits == [1, 1, 2, 3, 5, 8, 13, 21, 34, 55, CEILING_S, CEILING_S]


def test_the_first_death_of_a_worker_costs_no_wait() -> None:
    backoff = Backoff()
    assert [backoff.wait_s(1.0) for _ in range(5)] == [0, 1, 1, 2, 3]


def test_a_worker_that_was_well_for_a_while_begins_anew() -> None:
    backoff = Backoff()
    for _ in range(6):
        backoff.wait_s(0.5)
    assert [backoff.wait_s(STABLE_S), backoff.wait_s(0.0), backoff.wait_s(0.0)] == [0, 1, 1]
