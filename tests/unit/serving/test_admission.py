from __future__ import annotations

import pytest

from mms_server.serving.admission import Admission
from mms_server.serving.policy import MAX_QUEUED_JOBS, Policy


@pytest.mark.parametrize(
    ("backlog_jobs", "lanes", "batch_s", "batch_size", "wait_s"),
    [
        (100, 1, None, 1, 0.0),
        (0, 1, 0.1, 1, 0.0),
        (100, 1, 0.1, 1, 11.0),
        (100, 4, 0.1, 1, 2.75),
        (100, 1, 0.1, 10, 1.1),
        (100, 0, 0.1, 1, 11.0),
    ],
)
def test_the_wait_that_is_predicted_is_a_tenth_longer_than_the_mean(
    backlog_jobs: int, lanes: int, batch_s: float | None, batch_size: int, wait_s: float
) -> None:
    admission = Admission("m", Policy(batch_size=batch_size))
    assert admission.predict_wait_s(backlog_jobs, lanes, batch_s) == pytest.approx(wait_s)


def test_who_would_wait_too_long_is_told_when_to_come_back() -> None:
    admission = Admission("m", Policy())
    assert admission.refuse(10, 0, 60.0, 60.0) is None
    refusal = admission.refuse(10, 0, 61.2, 60.0)
    assert refusal is not None
    assert refusal.retry_after_s == 2
    assert refusal.is_retryable
    assert str(refusal) == (
        "Model m is overloaded: the predicted wait of 61.2 s exceeds the queue timeout of 60 s. "
        "Try again in 2 s."
    )


def test_the_queue_is_bounded_by_jobs_and_bytes() -> None:
    admission = Admission("m", Policy(max_queued_bytes=1000))
    assert admission.refuse(MAX_QUEUED_JOBS - 1, 999, 0.0, 60.0) is None
    assert admission.refuse(MAX_QUEUED_JOBS, 0, 0.0, 60.0) is not None
    refusal = admission.refuse(0, 1000, 0.0, 60.0)
    assert refusal is not None
    assert "max_queued_bytes is 1000" in str(refusal)
    assert refusal.retry_after_s == 1


def test_a_set_queue_size_is_the_only_bound() -> None:
    admission = Admission("m", Policy(job_queue_size=3, max_queued_bytes=10))
    assert admission.refuse(2, 10**9, 10**6, 1.0) is None
    refusal = admission.refuse(3, 0, 0.0, 1.0)
    assert str(refusal) == (
        "No worker is available to serve request for model: m. Consider increasing job queue size."
    )
