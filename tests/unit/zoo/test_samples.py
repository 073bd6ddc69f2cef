from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from mms_server.errors import BadRequestError
from mms_server.zoo.samples import SAMPLES, save


@pytest.mark.parametrize(("name", "size"), [("cat", (451, 300)), ("coffee", (600, 400))])
def test_a_sample_is_a_picture(name: str, size: tuple[int, int], tmp_path: Path) -> None:
    assert name in SAMPLES
    path = save(name, tmp_path / "new")
    assert path == tmp_path / "new" / f"{name}.png"
    with Image.open(path) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", size)


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match="there are cat, coffee"):
        save("dog", tmp_path)
