from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mms import wire
from mms_server.workers.frame_reader import FrameReader

LATIN1_TEXT = st.text(st.characters(max_codepoint=255, exclude_characters="\0"))
PARAMETERS = st.tuples(st.text(), LATIN1_TEXT, st.binary(max_size=200))
JOBS = st.tuples(
    st.text(st.characters(max_codepoint=127), max_size=60),
    st.integers(0, wire.NO_DEADLINE - 1),
    st.binary(),
    st.lists(PARAMETERS, max_size=4),
)
RESULTS = st.tuples(
    st.sampled_from([wire.ANSWERED, wire.FAILED, wire.REFUSED, wire.EXPIRED]),
    st.integers(0, 999),  # status
    st.binary(max_size=30),  # phrase
    st.binary(max_size=60),  # fields
    st.integers(0, 2**32 - 1),  # busy_us
    st.booleans(),  # is_last
)


def job_head(fields: bytes, parameters: list[tuple[str, str, bytes]]) -> wire.JobHead:
    encoded = [
        wire.encode_parameter(name.encode(), content_type.encode("latin-1"), len(value))
        for name, content_type, value in parameters
    ]
    return wire.JobHead(fields, encoded, sum(len(value) for *_, value in parameters))


def encode_predict(jobs: list[tuple[str, int, bytes, list[tuple[str, str, bytes]]]]) -> bytes:
    heads = [
        job_head(fields, parameters).encode(request_id.encode(), remaining_ms)
        for request_id, remaining_ms, fields, parameters in jobs
    ]
    body = b"".join(value for *_, parameters in jobs for *_, value in parameters)
    return wire.encode_predict_head(7, heads, len(body)) + body


def test_a_control_message_in_bytes() -> None:
    assert wire.encode_json(wire.FORKED, {"pid": 7}) == (
        b"\x01\x0a\x00\x00" + b"\x00\x00\x00\x0a" + bytes(16) + b'{"pid": 7}'
    )
    assert wire.encode(wire.DRAIN) == b"\x01\x07" + bytes(22)


def test_a_batch_in_bytes() -> None:
    job = job_head(b"a\0b", [("body", "text/plain", b"value")]).encode(b"id", 1000)
    meta = (
        b"\x00\x00\x03\xe8\x02\x00\x00\x00\x01\x00\x00\x00\x03"  # remaining ms; sizes and counts
        b"ida\0b"
        b"\x00\x00\x00\x04\x00\x0a\x00\x00\x00\x00\x00\x00\x00\x05bodytext/plain"
    )
    assert job == meta
    header = b"\x01\x04\x00\x01\x00\x00\x00\x2e" + bytes(7) + b"\x05" + bytes(7) + b"\x09"
    assert wire.encode_predict_head(9, [job], 5) == header + meta


@given(
    st.binary(),
    st.lists(PARAMETERS, max_size=4),
    st.lists(
        st.tuples(
            st.integers(0, 2**64 - 1),
            st.binary(max_size=60),
            st.integers(0, wire.NO_DEADLINE - 1),
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_jobs_with_one_head_alone_are_what_batches_of_one_are(
    fields: bytes, parameters: list[tuple[str, str, bytes]], jobs: list[tuple[int, bytes, int]]
) -> None:
    head = job_head(fields, parameters)
    for batch, request_id, left_ms in jobs:
        pieces = head.encode_alone(batch, request_id, left_ms)
        of_one = [head.encode(request_id, left_ms)]
        assert b"".join(pieces) == wire.encode_predict_head(batch, of_one, head.value_bytes)


def test_a_result_in_bytes() -> None:
    assert wire.encode_result_head(9, 3, wire.FAILED, 503, b"No", b"x\0y", 258, True, 4) == (
        b"\x01\x05\x00\x03\x00\x00\x00\x15" + bytes(7) + b"\x04" + bytes(7) + b"\x09"
        b"\x01\x01\x01\xf7\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x01\x02Nox\0y"
    )


@given(st.lists(JOBS, min_size=1, max_size=5))
def test_a_batch_comes_back_as_it_went(
    jobs: list[tuple[str, int, bytes, list[tuple[str, str, bytes]]]],
) -> None:
    (seen,) = FrameReader().feed(encode_predict(jobs))
    assert (seen.kind, seen.position, seen.batch) == (wire.PREDICT, len(jobs), 7)
    body = bytearray(b"".join(seen.body))
    decoded = wire.decode_predict(seen.position, seen.meta, body)
    assert [
        (job.request_id, job.remaining_ms, job.fields, job.parameters) for job in decoded
    ] == jobs
    values = [value for job in decoded for *_, value in job.parameters]
    assert len({id(value) for value in values}) == len(values), "handlers may write to them"


@given(RESULTS, st.integers(0, 0xFFFF), st.binary(max_size=99))
def test_a_result_comes_back_as_it_went(
    result: tuple[int, int, bytes, bytes, int, bool], position: int, body: bytes
) -> None:
    data = wire.encode_result_head(2**64 - 1, position, *result, len(body)) + body
    (seen,) = FrameReader().feed(data)
    assert (seen.kind, seen.position, seen.batch) == (wire.RESULT, position, 2**64 - 1)
    assert wire.decode_result(seen.meta) == result
    assert b"".join(seen.body) == body


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([b"n" * 100_000], id="a long name"),
        pytest.param([b"%d" % number for number in range(70_000)], id="many"),
    ],
)
def test_clients_choose_names_and_number_of_parameters(
    names: list[bytes],
) -> None:
    parameters = [wire.encode_parameter(name, b"", 0) for name in names]
    (job,) = wire.decode_predict(1, wire.JobHead(b"", parameters, 0).encode(b"id", 0), b"")
    assert [name.encode() for name, *_ in job.parameters] == names


def test_a_batch_may_be_larger_than_4_gib() -> None:
    job = wire.JobHead(b"", [wire.encode_parameter(b"", b"", 2**33)], 2**33)
    assert FrameReader().feed(wire.encode_predict_head(1, [job.encode(b"", 0)], 2**33)) == []
    assert FrameReader().feed(b"".join(job.encode_alone(1, b"", 0))) == []


@pytest.mark.parametrize("meta", [b"", b"\xff", b"{", b"[1]", b'"text"'])
def test_a_control_message_is_a_json_object(meta: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.decode_json(meta)


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none()))
def test_control_messages_come_back_as_they_went(message: dict[str, object]) -> None:
    (seen,) = FrameReader().feed(wire.encode_json(wire.LOAD, message))
    assert wire.decode_json(seen.meta) == message == json.loads(seen.meta)


def test_a_result_that_is_cut_short() -> None:
    with pytest.raises(wire.WireError, match="a result cannot be decoded"):
        wire.decode_result(b"\x00\x01")


def test_a_batch_that_is_cut_short() -> None:
    job = job_head(b"", [("body", "", b"x")]).encode(b"id", 0)
    with pytest.raises(wire.WireError, match="a batch of 2 jobs cannot be decoded"):
        wire.decode_predict(2, job, b"x")


@given(st.lists(st.tuples(LATIN1_TEXT, LATIN1_TEXT)))
def test_fields_come_back_as_they_went(fields: list[tuple[str, str]]) -> None:
    block = wire.join_fields([text.encode("latin-1") for pair in fields for text in pair])
    assert wire.split_fields(block) == (fields if block else [])


def test_fields_hold_no_separator() -> None:
    with pytest.raises(ValueError, match="NUL"):
        wire.join_fields([b"name", b"va\0lue"])


def test_the_sizes_of_the_structs() -> None:
    assert wire.HEADER.size == wire.HEADER_BYTES
    assert wire._JOB.size == wire._JOB_BYTES
    assert wire._PARAMETER.size == wire._PARAMETER_BYTES
    assert wire._RESULT.size == wire._RESULT_BYTES
    lone = wire._LONE_OPENING.size + wire._LONE_MIDDLE.size + wire._LONE_SIZES.size
    assert lone == wire.HEADER_BYTES + wire._JOB_BYTES
