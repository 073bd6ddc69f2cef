"""Finds speech in audio as it comes in, with the Silero VAD model.

The model hears 512 samples at a time and remembers the past in a state. Workers keep nothing
between requests, so that any of them may answer the next one: the state goes to the client with
each answer, and comes back with the request that goes on. How windows are made, and when speech
begins and ends, is as in silero-vad 6 (snakers4/silero-vad, `utils_vad.py`).
"""

from __future__ import annotations

import base64
import binascii
import io
import os
import struct
import wave
from typing import Any, NamedTuple

from mms.context import Context
from mms.handlers.base import Handler, RequestError, find_input, require
from mms.handlers.onnx_session import open_session

RATE = 16_000
WINDOW = 512
CONTEXT = 64  # samples of the window before that the model sees again
CELLS = 2 * 128
THRESHOLD = 0.5
END_THRESHOLD = THRESHOLD - 0.15
MIN_SILENCE = RATE // 10
_FACTS = struct.Struct("<QqB")


class Stream(NamedTuple):
    """What is remembered of a stream: float32 `context` (64,), `cells` (2, 128), `rest` (n,).

    `heard` counts samples; `silent_since` is where a pause began, -1 outside of one. `rest` is
    what did not fill a window yet.
    """

    heard: int
    silent_since: int
    is_speech: bool
    context: Any
    cells: Any
    rest: Any


class SpeechHandler(Handler):
    """Answers `probabilities` of speech by window, `events` (start or end, in seconds), `state`.

    A request has `audio` - a WAV file of 16-bit samples, or such samples alone: mono, 16 kHz,
    little endian - or is nothing but that; and `state`, which the answer before gave, unless its
    stream begins.
    """

    def initialize(self, context: Context) -> None:
        """Load the model."""
        self._numpy = require("numpy", "numpy")
        folder = context.system_properties["model_dir"]
        self._session = open_session(os.path.join(folder, "model.onnx"))

    def preprocess(self, request: dict[str, Any]) -> tuple[Stream, Any]:
        """Read state and audio: float32 samples from -1 to 1, the rest of the last time first."""
        stream = self._read_state(request.get("state", b""))
        audio = find_input({k: v for k, v in request.items() if k != "state"}, "audio", "body")
        samples = self._read_audio(audio)
        return stream, self._numpy.concatenate([stream.rest, samples])

    def inference(self, inputs: list[tuple[Stream, Any]]) -> list[tuple[Stream, list[float]]]:
        """Run the model window by window, on all streams at once that have another one."""
        numpy = self._numpy
        streams = [stream for stream, _ in inputs]
        windows = [
            samples[: len(samples) // WINDOW * WINDOW].reshape(-1, WINDOW) for _, samples in inputs
        ]
        found: list[list[float]] = [[] for _ in inputs]
        for step in range(max(map(len, windows))):
            places = [place for place, each in enumerate(windows) if step < len(each)]
            batch = numpy.stack([windows[place][step] for place in places])
            before = numpy.stack([streams[place].context for place in places])
            cells = numpy.stack([streams[place].cells for place in places], axis=1)
            chances, cells = self._session.run(
                ["output", "stateN"],
                {
                    "input": numpy.concatenate([before, batch], axis=1),
                    "state": cells,
                    "sr": numpy.array(RATE, "int64"),
                },
            )
            for row, place in enumerate(places):
                found[place].append(float(chances[row, 0]))
                streams[place] = streams[place]._replace(
                    context=batch[row, -CONTEXT:], cells=cells[:, row]
                )
        return [
            (stream._replace(rest=samples[len(parts) * WINDOW :]), chances)
            for stream, (_, samples), parts, chances in zip(streams, inputs, windows, found)
        ]

    def postprocess(self, output: tuple[Stream, list[float]]) -> dict[str, Any]:
        """Tell where speech begins and ends, and write the state."""
        stream, chances = output
        events = []
        for chance in chances:
            stream, event = _advance(stream, chance)
            events += event
        return {
            "probabilities": [round(chance, 4) for chance in chances],
            "events": events,
            "seconds": stream.heard / RATE,
            "state": _write_state(stream),
        }

    def _read_state(self, text: Any) -> Stream:
        numpy = self._numpy
        if not text:
            empty = numpy.zeros(0, numpy.float32)
            context, cells = (
                numpy.zeros(CONTEXT, numpy.float32),
                numpy.zeros((2, 128), numpy.float32),
            )
            return Stream(0, -1, False, context, cells, empty)
        try:
            raw = base64.b64decode(text, validate=True)
            heard, silent_since, is_speech = _FACTS.unpack_from(raw)
            numbers = numpy.frombuffer(raw, "<f4", offset=_FACTS.size)
        except (binascii.Error, ValueError, TypeError, struct.error) as exc:
            raise RequestError(f"The state is not one that an answer gave: {exc}") from exc
        rest = len(numbers) - CONTEXT - CELLS
        if not 0 <= rest < WINDOW or not numpy.isfinite(numbers).all():
            raise RequestError("The state is not one that an answer gave.")
        context, cells, left = numpy.split(numbers, [CONTEXT, CONTEXT + CELLS])
        return Stream(heard, silent_since, bool(is_speech), context, cells.reshape(2, 128), left)

    def _read_audio(self, content: Any) -> Any:
        if not isinstance(content, (bytes, bytearray)):
            raise RequestError("Expected audio: a WAV file, or 16-bit samples at 16 kHz.")
        step = 1
        if content[:4] == b"RIFF":
            content, step = _read_wav(bytes(content))
        if len(content) % 2:
            raise RequestError(f"Expected samples of 16 bits; {len(content)} bytes are not whole.")
        samples = self._numpy.frombuffer(bytes(content), "<i2")[::step]
        return samples.astype(self._numpy.float32) / 32768


def _read_wav(content: bytes) -> tuple[bytes, int]:
    """Take a WAV file apart: its samples, and which of them make 16 kHz (every first, third...)."""
    try:
        with wave.open(io.BytesIO(content)) as file:
            form = (file.getnchannels(), file.getsampwidth(), file.getframerate())
            samples = file.readframes(file.getnframes())
    except (wave.Error, EOFError, ValueError) as exc:
        raise RequestError(f"The WAV file cannot be read: {exc}") from exc
    channels, width, rate = form
    if channels != 1 or width != 2 or rate % RATE:
        raise RequestError(
            f"Expected a WAV file of one channel, 16 bits and a multiple of 16,000 Hz; "
            f"saw {channels}, {8 * width} and {rate}."
        )
    return samples, rate // RATE


def _advance(stream: Stream, chance: float) -> tuple[Stream, list[dict[str, float]]]:
    """Go on by one window: speech begins at once, and ends when a pause has lasted 0.1 s."""
    begin = stream.heard
    stream = stream._replace(heard=begin + WINDOW)
    if chance >= THRESHOLD:
        stream = stream._replace(silent_since=-1)
        if not stream.is_speech:
            return stream._replace(is_speech=True), [{"start": round(begin / RATE, 3)}]
    elif chance < END_THRESHOLD and stream.is_speech:
        since = begin if stream.silent_since < 0 else stream.silent_since
        if stream.heard - since < MIN_SILENCE:
            return stream._replace(silent_since=since), []
        return (
            stream._replace(is_speech=False, silent_since=-1),
            [{"end": round(since / RATE, 3)}],
        )
    return stream, []


def _write_state(stream: Stream) -> str:
    facts = _FACTS.pack(stream.heard, stream.silent_since, stream.is_speech)
    arrays = (stream.context, stream.cells, stream.rest)
    raw = facts + b"".join(each.astype("<f4").tobytes() for each in arrays)
    return base64.b64encode(raw).decode()
