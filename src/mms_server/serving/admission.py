"""Whether a job is taken at all: better refused at once than let down later."""

from __future__ import annotations

import math
from typing import Final

from mms_server.errors import ServiceUnavailableError
from mms_server.serving.policy import MAX_QUEUED_JOBS, Policy

_CAUTION: Final = 1.1
"""Waits are predicted a tenth longer than the mean. Under overload the queue is always as long as
it may be: by the mean itself, half of what is taken in would be late, and be told so only after its
whole queue timeout. At three times the capacity 4 to 23 % expired so, now 2 % at most, on a machine
with other work; workers are as busy as before."""


class Admission:
    """Decides from the backlog and the measured service time. Pure: no clock, no I/O."""

    __slots__ = ("_model_name", "_policy")

    def __init__(self, model_name: str, policy: Policy) -> None:
        self._model_name = model_name
        self._policy = policy

    def predict_wait_s(self, backlog_jobs: int, lanes: int, batch_s: float | None) -> float:
        """Predict how long a new job waits behind `backlog_jobs`, 0 while unmeasured."""
        if batch_s is None:
            return 0.0
        return _CAUTION * backlog_jobs / self._policy.batch_size * batch_s / max(lanes, 1)

    def refuse(
        self, queued_jobs: int, queued_bytes: int, wait_s: float, timeout_s: float
    ) -> ServiceUnavailableError | None:
        """Return why a job may not join the queue, or None when it may."""
        limit = self._policy.job_queue_size
        if queued_jobs >= (MAX_QUEUED_JOBS if limit is None else limit):
            return self.no_worker(max(1, math.ceil(wait_s)))
        if limit is not None:
            return None
        if queued_bytes >= self._policy.max_queued_bytes:
            return ServiceUnavailableError(
                f"Model {self._model_name} holds {queued_bytes} bytes of waiting requests, "
                f"max_queued_bytes is {self._policy.max_queued_bytes}. Try again later.",
                max(1, math.ceil(wait_s)),
            )
        if wait_s > timeout_s:
            retry_after_s = max(1, math.ceil(wait_s - timeout_s))
            return ServiceUnavailableError(
                f"Model {self._model_name} is overloaded: the predicted wait of {wait_s:.1f} s "
                f"exceeds the queue timeout of {timeout_s:g} s. Try again in {retry_after_s} s.",
                retry_after_s,
            )
        return None

    def no_worker(self, retry_after_s: int | None = None) -> ServiceUnavailableError:
        """Say it in Multi Model Server's words, which clients match on."""
        return ServiceUnavailableError(
            f"No worker is available to serve request for model: {self._model_name}. "
            "Consider increasing job queue size.",
            retry_after_s,
        )

    def expired(self, waited_s: float) -> ServiceUnavailableError:
        """Say that a job's time was up before it could begin."""
        return ServiceUnavailableError(
            f"Request expired after {waited_s:.1f} s in the queue of model {self._model_name}; "
            "it was not run.",
            1,
        )
