"""Jobs that go to a worker together."""

from __future__ import annotations

from typing import Final

from mms import wire
from mms_server.serving.job import Job

_MAX_REMAINING_MS: Final = wire.NO_DEADLINE - 1


class Batch:
    """Jobs sent as one message; answered one by one.

    `deadline` is the earliest of its jobs'. `has_lapsed` marks one that took longer than the
    response timeout, whose worker is being ended for it.
    """

    __slots__ = ("deadline", "has_lapsed", "jobs", "number", "size_bytes")

    def __init__(self, number: int, jobs: list[Job]) -> None:
        self.number = number
        self.jobs = jobs
        self.size_bytes = jobs[0].size_bytes
        self.deadline = jobs[0].deadline
        if len(jobs) > 1:
            self.size_bytes = sum(job.size_bytes for job in jobs)
            self.deadline = min(job.deadline for job in jobs)
        self.has_lapsed = False

    def encode(self, now: float) -> list[wire.Buffer]:
        """Encode the batch for its worker: the head, then every value's chunks as they are."""
        jobs = self.jobs
        if len(jobs) == 1:
            job = jobs[0]
            frame = job.head.encode_alone(self.number, job.request_id, _remaining_ms(job, now))
            frame += job.values
            return frame
        heads = [job.head.encode(job.request_id, _remaining_ms(job, now)) for job in jobs]
        head = wire.encode_predict_head(self.number, heads, self.size_bytes)
        return [head, *(chunk for job in jobs for chunk in job.values)]


def _remaining_ms(job: Job, now: float) -> int:
    """Say how long from now the job may wait to begin: never `wire.NO_DEADLINE`."""
    remaining_ms = (job.deadline - now) * 1000
    if remaining_ms <= 0:
        return 0
    return _MAX_REMAINING_MS if remaining_ms >= _MAX_REMAINING_MS else int(remaining_ms)
