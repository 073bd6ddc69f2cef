from __future__ import annotations

import importlib
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mms.handlers.base import MissingPackageError, RequestError
from mms.handlers.pictures import PictureReader, Preparation, read_preparation
from support.handlers import Pictures


def a_signature(shape: list[int], **preprocess: Any) -> dict[str, Any]:
    return {"inputs": [{"data_name": "x", "data_shape": shape}], "preprocess": preprocess}


@pytest.mark.parametrize(
    ("mode", "colour", "kind", "expected"),
    [
        ("RGB", (255, 0, 51), "PNG", (255, 0, 51)),
        ("L", 102, "PNG", (102, 102, 102)),
        ("1", 1, "PNG", (255, 255, 255)),
        ("P", 0, "PNG", (0, 0, 0)),
        ("RGBA", (255, 0, 51, 255), "PNG", (255, 0, 51)),
        ("RGBA", (255, 0, 51, 0), "PNG", (255, 255, 255)),  # what is transparent is white
        ("RGBA", (255, 0, 51, 51), "PNG", (255, 204, 214)),
        ("LA", (102, 255), "PNG", (102, 102, 102)),
        ("I;16", 0x66FF, "PNG", (102, 102, 102)),
        ("I;16", 0x66FF, "TIFF", (102, 102, 102)),
        ("CMYK", (0, 255, 255, 0), "TIFF", (255, 0, 0)),
        ("RGB", (0, 0, 255), "JPEG", (0, 0, 254)),
    ],
)
def test_every_kind_of_picture_becomes_rgb(
    mode: str, colour: Any, kind: str, expected: tuple[int, int, int], pictures: Pictures
) -> None:
    pixels = PictureReader(Preparation(4, 2, scale=1)).read(
        pictures.encode(mode, colour, kind=kind)
    )
    assert pixels.shape == (3, 2, 4)
    assert pixels.dtype == np.float32
    assert pixels[:, 1, 2].tolist() == list(expected)


def test_a_palette_may_have_a_transparent_colour(pictures: Pictures) -> None:
    picture = Image.new("P", (4, 4), 0)
    picture.putpalette([255, 0, 0])
    picture.info["transparency"] = 0
    reader = PictureReader(Preparation(1, 1, scale=1))
    assert reader.read(pictures.save(picture)).ravel().tolist() == [255, 255, 255]


def test_channels_may_come_last_and_have_a_mean_and_scale_each(pictures: Pictures) -> None:
    signature = a_signature(
        [0, 2, 4, 3], layout="NHWC", mean=[0, 100, 200], scale=[0.01, 0.02, 0.04]
    )
    pixels = PictureReader(read_preparation(signature)).read(pictures.encode("RGB", (50, 150, 250)))
    assert pixels.shape == (2, 4, 3)
    assert pixels[0, 0].tolist() == pytest.approx([0.5, 1, 2])


def test_plain_resizing_stretches_and_cropping_takes_the_middle(pictures: Pictures) -> None:
    wide = Image.new("RGB", (400, 112), "red")
    wide.paste((0, 0, 255), (150, 0, 250, 112))  # a little more than the 98 that are cropped
    file = pictures.save(wide)
    stretched = PictureReader(Preparation(8, 8)).read(file)
    assert stretched[0, 0].tolist() == pytest.approx([1, 1, 1, 0, 0, 1, 1, 1], abs=0.3)
    cropped = PictureReader(Preparation(8, 8, resize="crop")).read(file)
    assert cropped[0].max() < 0.1
    assert cropped[2].min() > 0.9


def test_the_share_that_is_cropped_may_be_said(pictures: Pictures) -> None:
    square = Image.new("RGB", (100, 100), "red")
    square.paste((0, 0, 255), (5, 5, 95, 95))
    file = pictures.save(square)
    whole = PictureReader(Preparation(8, 8, resize="crop", crop=1)).read(file)
    middle = PictureReader(Preparation(8, 8, resize="crop", crop=0.5)).read(file)
    assert whole[0, 0].min() > 0.2
    assert middle[0].max() == 0


@pytest.mark.parametrize("size", [(40, 10), (10, 40), (10, 10)])
def test_padding_keeps_the_shape_and_fills_with_the_mean(
    size: tuple[int, int], pictures: Pictures
) -> None:
    reader = PictureReader(Preparation(8, 8, resize="pad", mean=[10, 20, 30], scale=1))
    pixels = reader.read(pictures.encode("RGB", (110, 120, 130), size=size))
    covered = pixels[0] == 100
    assert (pixels[:, covered] == 100).all()
    assert (pixels[:, ~covered] == 0).all()
    width, height = size
    assert covered.sum() == 64 * min(size) // max(size)
    assert covered.any(axis=0).sum() == 8 * width // max(size)
    assert covered.any(axis=1).sum() == 8 * height // max(size)


def test_colours_may_come_the_other_way_round(pictures: Pictures) -> None:
    preparation = Preparation(2, 2, colours="BGR", mean=[1, 2, 3], scale=1, resize="pad")
    pixels = PictureReader(preparation).read(pictures.encode("RGB", (30, 20, 10), size=(2, 1)))
    assert sorted({tuple(pixels[:, y, x].tolist()) for y in (0, 1) for x in (0, 1)}) == [
        (0, 0, 0),
        (9, 18, 27),
    ]


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_a_model_may_want_grey(layout: str, pictures: Pictures) -> None:
    shape = [0, 1, 2, 4] if layout == "NCHW" else [0, 2, 4, 1]
    signature = a_signature(shape, layout=layout, scale=1, mean=[1], resize="pad")
    pixels = PictureReader(read_preparation(signature)).read(
        pictures.encode("RGB", (100, 100, 100), size=(2, 1))
    )
    assert list(pixels.shape) == shape[1:]
    assert pixels.ravel().tolist() == [99] * 8


def test_a_picture_that_says_how_to_turn_it_is_turned(pictures: Pictures) -> None:
    picture = Image.new("RGB", (4, 2), "red")
    picture.paste((0, 0, 255), (0, 0, 2, 2))
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # the top of the scene is on the right: turn it by 90 degrees clockwise
    picture.save(file, "PNG", exif=exif)
    blue = PictureReader(Preparation(2, 4)).read(file.getvalue())[2]
    assert blue.tolist() == [[1, 1], [1, 1], [0, 0], [0, 0]]


def test_filters_differ(pictures: Pictures) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (16, 16, 3), np.uint8)
    file = pictures.save(Image.fromarray(noise))
    seen = {
        PictureReader(Preparation(5, 5, filter=name)).read(file).tobytes()
        for name in ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
    }
    assert len(seen) == 6


def bomb() -> bytes:
    """A PNG of a few bytes that says it has 10^9 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", 40_000, 25_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not a picture", r"^The 13 bytes are not a picture of a kind that is known here\.$"),
        (bytearray(b"\x89PNG\r\n\x1a\n"), "The 8 bytes are not"),
        (b"", "empty"),
        ("text", "Expected the bytes of a picture"),
        ({"a": 1}, "Expected the bytes of a picture"),
        (bomb(), "too large"),
    ],
)
def test_what_is_no_picture_is_refused(content: object, said: str) -> None:
    with pytest.raises(RequestError, match=said) as caught:
        PictureReader(Preparation(4, 4)).read(content)
    assert caught.value.status == 400


def test_a_picture_that_is_cut_short_is_refused(pictures: Pictures) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    whole = pictures.save(Image.fromarray(noise))
    with pytest.raises(RequestError, match="bytes cannot be decoded: "):
        PictureReader(Preparation(4, 4)).read(whole[: len(whole) // 2])


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_the_limit_is_pillows(pictures: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, picture = PictureReader(Preparation(1, 1)), pictures.encode("RGB", "red", size=(10, 10))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert reader.read(picture).shape == (3, 1, 1)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 99)
    with pytest.raises(RequestError, match="too large"):
        reader.read(picture)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert reader.read(picture).shape == (3, 1, 1)


def test_running_out_of_memory_is_not_the_pictures_fault(
    pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhaust(*_: object) -> None:
        raise MemoryError

    reader = PictureReader(Preparation(1, 1))
    monkeypatch.setattr(Image, "open", exhaust)
    with pytest.raises(MemoryError):
        reader.read(pictures.encode("RGB", "red"))


def test_everything_but_the_shape_has_a_default() -> None:
    signature = a_signature([0, 3, 10, 20])
    del signature["preprocess"]
    assert read_preparation(signature) == Preparation(20, 10, "NCHW", "plain", 0.0, 1 / 255)


@pytest.mark.parametrize(
    ("shape", "preprocess", "said"),
    [
        ([0, 3], {}, "data_shape of 4 sizes"),
        ([0, 3, 4, 4], {"layout": "CHWN"}, "CHWN"),
        ([0, 3, 4, 4], {"layout": "NHWC"}, "3 channels"),
        ([0, 4, 4, 3], {}, "3 channels"),
        ([0, 3, 0, 4], {}, "a height"),
        ([0, 3, 4, 4], {"resize": "twist"}, "plain or crop.*twist"),
        ([0, 3, 4, 4], {"means": 1}, "means"),
        ([0, 3, 4, 4], {"crop": 0}, "above 0, up to 1.*crop"),
        ([0, 3, 4, 4], {"crop": "half"}, "above 0, up to 1.*half"),
        ([0, 3, 4, 4], {"filter": "sharp"}, "filter.*sharp"),
        ([0, 3, 4, 4], {"colours": "CMYK"}, "colours.*CMYK"),
        ([0, 3, 4, 4], {"colours": "L"}, "1 for grey.*colours L"),
        ([0, 1, 4, 4], {"mean": [1, 2, 3]}, "one mean or 1"),
        ([0, 3, 4, 4], {"mean": [1, 2]}, "one mean or 3"),
        ([0, 3, 4, 4], {"scale": "fast"}, "fast"),
    ],
)
def test_a_signature_that_makes_no_sense_is_refused(
    shape: list[int], preprocess: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        PictureReader(read_preparation(a_signature(shape, **preprocess)))


@pytest.mark.parametrize(("module", "package"), [("numpy", "numpy"), ("PIL.Image", "pillow")])
def test_a_missing_package_is_named(
    module: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_module = importlib.import_module

    def without(name: str) -> Any:
        if name == module:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return import_module(name)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(MissingPackageError, match=f"pip install {package}"):
        PictureReader(Preparation(4, 4))
