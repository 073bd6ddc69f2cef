"""Jobs that go to a worker together."""

from __future__ import annotations

from typing import Final

from mms import wire
from mms_server.serving.job import Job

_MAX_REMAINING_MS: Final = wire.NO_DEADLINE - 1


class Batch:
    """Jobs sent as one message; answered one by one.

    `has_lapsed` marks one that took longer than the response timeout, whose worker is being ended
    for it.
    """

    __slots__ = ("has_lapsed", "jobs", "number", "size_bytes")

    def __init__(self, number: int, jobs: list[Job]) -> None:
        self.number = number
        self.jobs = jobs
        self.size_bytes = jobs[0].size_bytes if len(jobs) == 1 else sum(j.size_bytes for j in jobs)
        self.has_lapsed = False

    def encode(self, now: float) -> list[wire.Buffer]:
        """Encode the batch for its worker: the head, then every value's chunks as they are."""
        heads = []
        frame: list[wire.Buffer] = [b""]
        for job in self.jobs:
            remaining_ms = int(min((job.deadline - now) * 1000, _MAX_REMAINING_MS))
            parameters = []
            for value in job.inputs:
                parameters.append(
                    wire.encode_parameter(value.name, value.content_type, value.size_bytes)
                )
                frame += value.chunks
            heads.append(
                wire.encode_job(job.request_id, max(remaining_ms, 0), job.fields, parameters)
            )
        frame[0] = wire.encode_predict_head(self.number, heads, self.size_bytes)
        return frame
