"""The handler that silero_vad's archive brings: streams in pieces, their state with the client."""

from __future__ import annotations

import base64
import io
import json
import struct
import wave
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mms.handlers.base import Handler
from mms_server.zoo.samples import SAMPLES
from mms_server.zoo.wheels import read_file
from support.handlers import Serving

RATE = 16_000
WINDOW_S = 512 / RATE


@pytest.fixture(scope="module")
def handler(load_service: Callable[[str], Handler]) -> Handler:
    return load_service("silero_vad")


@pytest.fixture(scope="module")
def samples() -> bytes:
    """Half a minute of a telephone call: 16-bit samples."""
    with wave.open(io.BytesIO(read_file(SAMPLES["speech"]))) as file:
        frames: bytes = file.readframes(file.getnframes())
        return frames


def wav(samples: bytes, rate: int = RATE, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as target:
        target.setnchannels(channels)
        target.setsampwidth(2)
        target.setframerate(rate)
        target.writeframes(samples)
    return file.getvalue()


def listen(handler: Handler, *requests: dict[str, Any]) -> list[Any]:
    return Serving().handle(handler, *requests)[0]


def test_speech_is_found_where_its_makers_say_it_is(handler: Handler) -> None:
    # pyannote.audio's `sample.rttm`: silence up to 6.69 s, words up to 7.12 s and from 7.55 s on.
    (answer,) = listen(handler, {"body": bytearray(read_file(SAMPLES["speech"]))})
    starts = [each["start"] for each in answer["events"] if "start" in each]
    ends = [each["end"] for each in answer["events"] if "end" in each]
    assert starts[:2] == pytest.approx([6.69, 7.55], abs=0.15)
    assert ends[0] == pytest.approx(7.12, abs=0.15)
    later = np.array(answer["probabilities"][int(7.7 / WINDOW_S) :])
    assert (later > 0.5).mean() > 0.9
    assert max(answer["probabilities"][: int(6.5 / WINDOW_S)]) < 0.5


@pytest.mark.parametrize("size", [1_000, 20_002, 123_456])
def test_a_stream_in_pieces_is_heard_as_a_whole(
    size: int, handler: Handler, samples: bytes
) -> None:
    (whole,) = listen(handler, {"body": samples[:400_000]})
    probabilities: list[float] = []
    events: list[Any] = []
    state = ""
    for start in range(0, 400_000, size):
        piece = samples[start : min(start + size, 400_000)]
        (answer,) = listen(handler, {"audio": bytearray(piece), "state": bytearray(state.encode())})
        probabilities += answer["probabilities"]
        events += answer["events"]
        state = answer["state"]
    assert probabilities == pytest.approx(whole["probabilities"], abs=1e-3)
    assert events == whole["events"]
    assert answer["seconds"] == whole["seconds"]


def test_streams_of_a_batch_do_not_hear_each_other(handler: Handler, samples: bytes) -> None:
    pieces = [samples[:90_000], samples[250_000:300_000], b"", samples[400_000:700_001], b"\0" * 9]
    requests = [{"audio": bytearray(piece)} for piece in pieces]
    answers = listen(handler, *requests)
    for place in (0, 1, 2):
        (alone,) = listen(handler, requests[place])
        assert answers[place]["probabilities"] == pytest.approx(alone["probabilities"], abs=1e-3)
    assert answers[2]["probabilities"] == []
    for place in (3, 4):
        assert "16 bits" in json.loads(answers[place])["message"]


def test_a_file_of_a_higher_rate_is_thinned_out(handler: Handler, samples: bytes) -> None:
    part = np.frombuffer(samples[200_000:300_000], "<i2")
    (once,) = listen(handler, {"body": part.tobytes()})
    (thrice,) = listen(handler, {"body": wav(part.repeat(3).tobytes(), 3 * RATE)})
    assert thrice["probabilities"] == once["probabilities"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (wav(b"\0" * 64, 44_100), "multiple of 16,000 Hz; saw 1, 16 and 44100"),
        (wav(b"\0" * 64, RATE, 2), "saw 2, 16 and 16000"),
        (b"RIFF1234WAVEjunk", "The WAV file cannot be read"),
        ("text", "Expected audio"),
    ],
)
def test_what_is_no_such_sound_is_refused(content: Any, said: str, handler: Handler) -> None:
    answers = listen(handler, {"audio": content}, {"audio": b"\0" * 2048})
    assert said in json.loads(answers[0])["message"]
    assert len(answers[1]["probabilities"]) == 2


def forged(**numbers: float) -> str:
    """A state of the right length whose numbers are not."""
    raw = struct.pack("<QqB", 0, -1, 0) + struct.pack("<f", numbers["first"]) * (64 + 256)
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    "state", ["!", "AAAA", base64.b64encode(b"x" * 5000).decode(), forged(first=float("nan"))]
)
def test_a_state_that_no_answer_gave_is_refused(state: str, handler: Handler) -> None:
    (answer,) = listen(handler, {"audio": b"\0" * 2048, "state": state.encode()})
    assert "not one that an answer gave" in json.loads(answer)["message"]
