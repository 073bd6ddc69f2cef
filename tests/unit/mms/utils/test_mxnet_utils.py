"""Helpers that services of 0.x import, in MXNet itself."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image

from mms.utils.mxnet.nlp import encode_sentences
from support import mxnet_side
from support.handlers import Pictures
from support.mxnet_environment import TIMEOUT_S, MxnetProcess, SideError

pytestmark = pytest.mark.timeout(TIMEOUT_S)


class Helpers:
    """Evaluates expressions in which the three modules have their names."""

    def __init__(self, mxnet: MxnetProcess) -> None:
        self._mxnet = mxnet

    def __call__(self, expression: str, *values: object) -> Any:
        code = f"from mms.utils.mxnet import image, ndarray, nlp\nresult = {expression}"
        return self._mxnet.call(mxnet_side.run, code, *values)


@pytest.fixture
def helpers(mxnet: MxnetProcess) -> Helpers:
    return Helpers(mxnet)


@pytest.fixture(scope="module")
def picture() -> bytes:
    """Red on the left, blue on the right: 8 wide, 4 high."""
    canvas = Image.new("RGB", (8, 4), (255, 0, 0))
    canvas.paste((0, 0, 255), (4, 0, 8, 4))
    return Pictures().save(canvas)


def test_a_picture_is_read_in_each_order_of_colours(helpers: Helpers, picture: bytes) -> None:
    corner = "image.read(values[0]{})[0, 0].asnumpy().tolist()"
    assert helpers(corner.format(""), picture) == [255, 0, 0]
    assert helpers(corner.format(", to_rgb=False"), picture) == [0, 0, 255]
    assert helpers(corner.format(", flag=0"), picture) == [76]
    assert helpers("image.read(values[0]).shape", bytearray(picture)) == (4, 8, 3)


def test_what_is_no_picture_is_mxnets_error(helpers: Helpers) -> None:
    with pytest.raises(SideError) as raised:
        helpers("image.read(values[0])", b"GIF")
    assert raised.value.kind == "MXNetError"


def test_a_picture_is_stretched_cut_and_normalized(helpers: Helpers, picture: bytes) -> None:
    shape = "image.resize(image.read(values[0]), 2, 6).shape"
    assert helpers(shape, picture) == (6, 2, 3)
    cut = "image.fixed_crop(image.read(values[0]), 4, 0, 4, 4, size=(1, 1)).asnumpy().tolist()"
    assert helpers(cut, picture) == [[[0, 0, 255]]]
    normal = "image.color_normalize(image.read(values[0]), mx.nd.array([5, 0, 0]), {})[0, 0]"
    assert helpers(f"{normal.format('mx.nd.array([50, 1, 1])')}.asnumpy().tolist()", picture) == [
        5,
        0,
        0,
    ]
    assert helpers(f"{normal.format('None')}.asnumpy().tolist()", picture) == [250, 0, 0]


def test_a_picture_becomes_a_batch_of_one(helpers: Helpers, picture: bytes) -> None:
    shape = "image.transform_shape(image.read(values[0]), *values[1:]).shape"
    assert helpers(shape, picture) == (1, 3, 4, 8)
    assert helpers(shape, picture, "NHWC") == (1, 4, 8, 3)
    with pytest.raises(SideError, match="AssertionError: dim_order must be"):
        helpers(shape, picture, "CHWN")


@pytest.mark.parametrize(
    ("expression", "mode"),
    [
        ("image.write(image.read(values[0]), format='png', dim_order='HWC')", "RGB"),
        ("image.write(image.read(values[0]).transpose((2, 0, 1)), format='png')", "RGB"),
        ("image.write(image.read(values[0], 0), 0, 'png', 'HWC')", "L"),
    ],
)
def test_a_picture_is_written_as_text(
    expression: str, mode: str, helpers: Helpers, picture: bytes
) -> None:
    seen = Image.open(io.BytesIO(base64.b64decode(helpers(expression, picture))))
    assert (seen.mode, seen.size) == (mode, (8, 4))
    assert seen.getpixel((0, 0)) == ((255, 0, 0) if mode == "RGB" else 76)


def test_a_picture_is_written_as_jpeg_unless_said(helpers: Helpers) -> None:
    text = helpers("image.write(mx.nd.zeros((3, 2, 5)))")
    assert Image.open(io.BytesIO(base64.b64decode(text))).format == "JPEG"
    with pytest.raises(SideError, match="AssertionError: dim_order must be"):
        helpers("image.write(mx.nd.zeros((3, 2, 5)), dim_order='WHC')")


@pytest.mark.parametrize("shape", [(1, 3), (1, 3, 1, 1), (3,), (2, 3)])
def test_the_best_classes_come_first(shape: tuple[int, ...], helpers: Helpers) -> None:
    scores = (
        "mx.nd.array([0.25, 0.5, 0.125, 0, 0, 0]).slice_axis(0, 0, values[1]).reshape(values[0])"
    )
    size = 6 if shape == (2, 3) else 3
    seen = helpers(f"ndarray.top_probability({scores}, ['a', 'b', 'c'], top=2)", shape, size)
    assert seen == [{"probability": 0.5, "class": "b"}, {"probability": 0.25, "class": "a"}]


def test_words_are_numbered_as_they_come() -> None:
    encoded, vocabulary = encode_sentences([["a", "b"], ["b", "c"]])
    assert encoded == [[0, 1], [1, 2]]
    assert vocabulary == {"\n": -1, "a": 0, "b": 1, "c": 2}


def test_the_number_of_invalid_words_is_passed_over() -> None:
    encoded, vocabulary = encode_sentences([["a", "b", "c"]], None, 1, "<eos>", 0)
    assert encoded == [[0, 2, 3]]
    assert vocabulary["<eos>"] == 1


def test_unknown_words_are_invalid_in_a_given_vocabulary() -> None:
    known = {"a": 5}
    assert encode_sentences([["a", "b", "\n"]], known, invalid_label=9) == ([[5, 9, 9]], known)
    assert known == {"a": 5}
    assert encode_sentences([["a"]], {}) == ([[-1]], {})


def test_a_sentence_is_filled_up_to_the_next_bucket(helpers: Helpers) -> None:
    batch = "(lambda b: (b.data[0].asnumpy().tolist(), b.bucket_key, b.provide_data[0].shape, "
    batch += "b.provide_data[0].name, b.pad))(nlp.pad_sentence(*values))"
    assert helpers(batch, [1, 2, 3], [2, 4, 8]) == ([[1, 2, 3, -1]], 4, (1, 4), "data", 0)
    assert helpers(batch, [1, 2], [2, 4], 0, "words", "TN") == ([[1, 2]], 2, (2, 1), "words", 0)
    with pytest.raises(SideError, match=r"3 words fits into none of \[2\]"):
        helpers("nlp.pad_sentence([1, 2, 3], [2])")
