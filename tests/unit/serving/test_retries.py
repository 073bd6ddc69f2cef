from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mms_server.serving.retries import RetryBudget


@given(st.lists(st.booleans(), max_size=500), st.integers(1, 64))
def test_retries_are_a_tenth_of_requests(is_request: list[bool], batch_size: int) -> None:
    budget = RetryBudget(batch_size)
    first = max(10, batch_size)
    requests = granted = 0
    for is_one in is_request:
        if is_one:
            budget.earn()
            requests += 1
        else:
            granted += budget.spend()
        assert granted <= first + requests * 0.1 + 1e-6


def test_the_first_batch_of_a_quiet_model_may_be_retried_whole() -> None:
    budget = RetryBudget(64)
    assert [budget.spend() for _ in range(65)] == [True] * 64 + [False]


def test_peace_does_not_pay_for_a_storm() -> None:
    budget = RetryBudget(1)
    for _ in range(100_000):
        budget.earn()
    assert sum(budget.spend() for _ in range(2000)) == 1000
