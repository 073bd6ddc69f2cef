"""How one model version queues, batches and gives up."""

from __future__ import annotations

from dataclasses import dataclass

MAX_QUEUED_JOBS = 16_384


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings of one model version; times in seconds.

    `queue_timeout_s` runs from a job's arrival to the start of its execution, then
    `response_timeout_s` to its answer. While no worker has ever been ready, `startup_timeout_s`
    stands in for the first. `job_queue_size`, where set, bounds the queue as Multi Model Server
    does; unset, the queue is bounded by the predicted wait, by bytes and by `MAX_QUEUED_JOBS`.
    Between its bounds the number of workers rises when a job has waited for `scale_up_after_s`, and
    falls when there were too many for `scale_down_after_s`.
    """

    batch_size: int = 1
    max_batch_delay_s: float = 0.1
    queue_timeout_s: float = 60.0
    response_timeout_s: float = 120.0
    startup_timeout_s: float = 120.0
    job_queue_size: int | None = None
    max_queued_bytes: int = 256 * 1024 * 1024
    retry_batches: bool = True
    scale_up_after_s: float = 0.25
    scale_down_after_s: float = 60.0
