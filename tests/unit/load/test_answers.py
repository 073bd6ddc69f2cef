"""Answers, from literal bytes and in any pieces."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mms_server.load.answers import Answer, AnswerError, AnswerReader

ANSWERS = {
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nOK": Answer(200, False, False),
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nOK\r\n0\r\n\r\n": Answer(
        200, False, False
    ),
    b"HTTP/1.1 204 No Content\r\n\r\n": Answer(204, False, False),
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n": Answer(
        503, True, False
    ),
    b"HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx": Answer(
        404, False, True
    ),
    b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n": Answer(200, False, True),
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n": Answer(
        200, False, False
    ),
}
KEPT = [data for data, answer in ANSWERS.items() if not answer.is_last]


def feed(reader: AnswerReader, pieces: list[bytes]) -> list[Answer]:
    answers = [reader.feed(piece) for piece in pieces]
    return [answer for answer in answers if answer is not None]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@given(st.sampled_from(list(ANSWERS)), st.lists(st.integers(0, 200), max_size=5))
def test_an_answer_is_read_in_any_pieces(data: bytes, places: list[int]) -> None:
    reader = AnswerReader()
    assert feed(reader, cut(data, places)) == [ANSWERS[data]]
    assert reader.finish() is None


@given(st.lists(st.sampled_from(KEPT), min_size=1, max_size=5))
def test_answers_follow_each_other(parts: list[bytes]) -> None:
    assert feed(AnswerReader(), parts) == [ANSWERS[part] for part in parts]


def test_an_answer_without_a_length_ends_with_the_input() -> None:
    reader = AnswerReader()
    assert reader.feed(b"HTTP/1.1 200 OK\r\nretry-after: 1\r\n\r\nsome") is None
    assert reader.finish() == Answer(200, True, True)


@pytest.mark.parametrize(
    "data", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nO"]
)
def test_what_breaks_off_is_no_answer(data: bytes) -> None:
    reader = AnswerReader()
    assert reader.feed(data) is None
    assert reader.finish() is None


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" * 2,
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    ],
)
def test_what_is_no_answer_or_one_too_many_is_an_error(data: bytes) -> None:
    with pytest.raises(AnswerError):
        AnswerReader().feed(data)
