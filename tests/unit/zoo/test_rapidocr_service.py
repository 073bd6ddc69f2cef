"""The handler that rapidocr's archive brings: a real page, and what is none."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from mms.handlers.base import Handler
from mms_server.zoo.samples import SAMPLES
from mms_server.zoo.wheels import read_file
from support.handlers import Pictures, Serving

LINES = [
    "Region-based segmentation",
    "Let us first determine markers of the coins and the",
    "background. These markers are pixels that we can label",
    "unambiguously as either object or background. Here,",
    "the markers are found at the two extreme parts of the",
    "histogram of grey values:",
    "markers = np.zeros like(coins)",
]


@pytest.fixture(scope="module")
def handler(load_service: Callable[[str], Handler]) -> Handler:
    return load_service("rapidocr")


@pytest.fixture(scope="module")
def page() -> Image.Image:
    return Image.open(io.BytesIO(read_file(SAMPLES["page"]))).convert("RGB")


def read(handler: Handler, *contents: bytes) -> list[Any]:
    return Serving().handle(handler, *({"body": content} for content in contents))[0]


def texts(answer: Any) -> list[str]:
    """Take the texts; the underscore stands on the lowest row of pixels, and is hardly seen."""
    return [line["text"].replace("_", " ") for line in answer]


def test_a_page_is_read_from_top_to_bottom(handler: Handler) -> None:
    (answer,) = read(handler, read_file(SAMPLES["page"]))
    assert texts(answer) == LINES
    assert all(line["score"] > 0.95 for line in answer)
    first = answer[0]["box"]
    for corner, expected in zip(first, [[3, 9], [296, 10], [296, 37], [3, 35]], strict=True):
        assert corner == pytest.approx(expected, abs=3)


def test_pictures_of_a_batch_keep_their_lines(handler: Handler, page: Image.Image) -> None:
    top = Pictures().save(page.crop((0, 0, 384, 40)))
    bottom = Pictures().save(page.crop((0, 145, 384, 191)))
    blank = Pictures().encode("RGB", "white", size=(200, 100))
    answers = read(handler, top, blank, b"no picture", bottom)
    assert [texts(answers[place]) for place in (0, 1)] == [LINES[:1], []]
    assert LINES[6] in texts(answers[3])[0]
    assert json.loads(answers[2])["code"] == 400


def test_a_page_on_its_head_is_read_too(handler: Handler, page: Image.Image) -> None:
    (answer,) = read(handler, Pictures().save(page.crop((0, 0, 384, 40)).rotate(180)))
    assert texts(answer) == LINES[:1]


def test_lines_may_run_downwards(handler: Handler, page: Image.Image) -> None:
    (answer,) = read(handler, Pictures().save(page.crop((0, 0, 384, 40)).rotate(-90, expand=True)))
    assert texts(answer) == LINES[:1]


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 2)])
def test_a_picture_without_room_for_text_has_none(size: tuple[int, int], handler: Handler) -> None:
    assert read(handler, Pictures().encode("RGB", "white", size=size)) == [[]]
