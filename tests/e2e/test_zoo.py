"""Models of the zoo behind the real server: what only HTTP can show."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Any

import pytest

from mms_server.zoo.building import build
from mms_server.zoo.samples import save
from support.running_server import RunningServer, StartServer

BOUNDARY = "----------------------------boundary"


def form(**fields: bytes) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
        + value
        + b"\r\n"
        for name, value in fields.items()
    ]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def listen(server: RunningServer, **fields: bytes) -> Any:
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    answer = server.predict("silero_vad", form(**fields), **{"Content-Type": kind})
    assert answer.status == 200, answer.body
    return answer.json


@pytest.fixture
def samples(tmp_path: Path) -> bytes:
    with wave.open(str(save("speech", tmp_path))) as sound:
        frames: bytes = sound.readframes(sound.getnframes())
        return frames


def test_a_stream_goes_on_in_whichever_worker(
    start: StartServer, store: Path, samples: bytes
) -> None:
    archive = build("silero_vad", store).name
    server = start(models=[f"silero_vad={archive}"], settings={"default_workers_per_model": 2})
    server.wait_ready("silero_vad", workers=2)
    events: list[Any] = []
    state = ""
    for begin in range(0, 400_000, 100_000):
        answer = listen(server, audio=samples[begin : begin + 100_000], state=state.encode())
        events += answer["events"]
        state = answer["state"]
    whole = server.predict("silero_vad", samples[:400_000]).json
    assert events == whole["events"]
    assert [list(event) for event in events[:3]] == [["start"], ["end"], ["start"]]
    refused = server.predict("silero_vad", b"odd").json
    assert json.dumps(refused).count("16 bits") == 1
