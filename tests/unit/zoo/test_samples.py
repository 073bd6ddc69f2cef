from __future__ import annotations

import wave
from pathlib import Path

import pytest
from PIL import Image

from mms_server.errors import BadRequestError
from mms_server.zoo.samples import SAMPLES, save


@pytest.mark.parametrize(
    ("name", "size"), [("cat", (451, 300)), ("coffee", (600, 400)), ("page", (384, 191))]
)
def test_a_sample_is_a_picture(name: str, size: tuple[int, int], tmp_path: Path) -> None:
    assert name in SAMPLES
    path = save(name, tmp_path / "new")
    assert path == tmp_path / "new" / f"{name}.png"
    with Image.open(path) as picture:
        assert (picture.format, picture.size) == ("PNG", size)


def test_a_sample_may_be_a_sound(tmp_path: Path) -> None:
    path = save("speech", tmp_path)
    assert path.name == "speech.wav"
    with wave.open(str(path)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (16_000, 1, 2)


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match="there are cat, coffee"):
        save("dog", tmp_path)
