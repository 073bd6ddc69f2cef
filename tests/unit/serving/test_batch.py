from __future__ import annotations

import pytest

from mms import wire
from mms_server.serving.batch import Batch
from mms_server.serving.job import Job
from mms_server.workers.frame_reader import FrameReader
from support.jobs import job_head
from support.simulation import RecordedSink


def make_job(name: bytes, chunks: list[bytes], deadline: float) -> Job:
    head = job_head(sum(map(len, chunks)), b"text/plain", b"h\0v")
    job = Job(name, head, [*chunks], RecordedSink())
    job.deadline = deadline
    return job


def test_a_batch_is_its_head_and_then_the_chunks_as_they_are() -> None:
    chunks = [b"a" * 10, b"b" * 20]
    batch = Batch(5, [make_job(b"one", chunks, 100.5), make_job(b"two", [b"c"], 99.0)])
    encoded = batch.encode(100.0)
    assert encoded[1:] == [*chunks, b"c"]
    assert encoded[1] is chunks[0], "nothing is copied"
    (frame,) = FrameReader().feed(b"".join(encoded))
    assert (frame.kind, frame.batch, frame.position) == (wire.PREDICT, 5, 2)
    one, two = wire.decode_predict(2, frame.meta, b"".join(frame.body))
    assert (one.request_id, one.remaining_ms, two.remaining_ms) == ("one", 500, 0)
    assert wire.split_fields(one.fields) == [("h", "v")]
    assert one.parameters == [("body", "text/plain", b"a" * 10 + b"b" * 20)]
    assert batch.size_bytes == 31


def test_a_batch_of_one_is_its_head_and_then_the_chunks_as_they_are() -> None:
    chunks = [b"a" * 10, b"b" * 20]
    batch = Batch(5, [make_job(b"one", chunks, 100.5)])
    encoded = batch.encode(100.0)
    assert encoded[-1] is chunks[1], "nothing is copied"
    (frame,) = FrameReader().feed(b"".join(encoded))
    (job,) = wire.decode_predict(1, frame.meta, b"".join(frame.body))
    assert (frame.batch, job.request_id, job.remaining_ms) == (5, "one", 500)
    assert job.parameters == [("body", "text/plain", b"".join(chunks))]


def test_a_batch_is_due_with_the_first_of_its_jobs() -> None:
    jobs = [make_job(b"%d" % at, [b"c"], deadline) for at, deadline in enumerate((7.0, 5.0, 6.0))]
    assert Batch(1, jobs).deadline == 5.0
    assert Batch(1, jobs[:1]).deadline == 7.0


@pytest.mark.parametrize("deadline", [1e300, 1e308])
def test_a_very_late_deadline_has_a_form(deadline: float) -> None:
    encoded = Batch(1, [make_job(b"one", [b"c"], deadline)]).encode(0.0)
    (frame,) = FrameReader().feed(b"".join(encoded))
    (job,) = wire.decode_predict(1, frame.meta, b"c")
    assert job.remaining_ms == wire.NO_DEADLINE - 1
