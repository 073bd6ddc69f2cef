"""Jobs with one input each, as a request with a body makes them."""

from __future__ import annotations

from collections.abc import Sequence

from mms import wire
from mms_server.serving.job import Job, Sink


def job_head(size_bytes: int, content_type: bytes = b"", fields: bytes = b"") -> wire.JobHead:
    parameter = wire.encode_parameter(b"body", content_type, size_bytes)
    return wire.JobHead(fields, [parameter], size_bytes)


def make_job(request_id: bytes, chunks: Sequence[bytes], sink: Sink) -> Job:
    return Job(request_id, job_head(sum(map(len, chunks))), [*chunks], sink)
