"""From the bytes of a picture file to the array that a model takes. Needs numpy and Pillow."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, NamedTuple

from mms.handlers.base import RequestError, require

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

_LAYOUTS = ("NCHW", "NHWC")
_RESIZES = ("plain", "crop", "pad")
_FILTERS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
_COLOURS = {"RGB": 3, "BGR": 3, "L": 1}
_CROP = 224 / 256
"""How much of the shorter side is cropped: custom since AlexNet's 224 out of 256."""


class Preparation(NamedTuple):
    """What a model wants done to a picture; sizes in pixels.

    Its input is (pixel - mean) * scale, with pixels from 0 to 255, and mean and scale one number
    or one for each colour, in the order of `colours`: RGB, BGR, or L for grey. `crop` is the share
    of the shorter side that `resize` "crop" keeps, `filter` what Pillow resizes with.
    """

    width: int
    height: int
    layout: str = "NCHW"
    resize: str = "plain"
    mean: Any = 0.0
    scale: Any = 1 / 255
    colours: str = "RGB"
    crop: float = _CROP
    filter: str = "bilinear"


def read_preparation(signature: dict[str, Any]) -> Preparation:
    """Take a signature's first shape and its `preprocess` apart. Raises ValueError."""
    shape = signature["inputs"][0]["data_shape"]
    options = dict(signature.get("preprocess", {}))
    layout = options.get("layout", _LAYOUTS[0])
    if layout not in _LAYOUTS or len(shape) != 4:
        raise ValueError(
            "signature.json: expected a data_shape of 4 sizes and the layout NCHW or NHWC, "
            f"saw {shape} and {layout!r}"
        )
    _, *sizes = shape
    channels, height, width = sizes if layout == "NCHW" else (sizes[2], sizes[0], sizes[1])
    options.setdefault("colours", "L" if channels == _COLOURS["L"] else "RGB")
    _check_options(options, signature.get("preprocess"))
    if channels != _COLOURS[options["colours"]] or min(height, width) < 1:
        raise ValueError(
            "signature.json: expected 3 channels (1 for grey), a height and a width in data_shape, "
            f"saw {shape} with layout {layout} and colours {options['colours']}"
        )
    return Preparation(width, height, **options)


def _check_options(options: dict[str, Any], seen: object) -> None:
    crop = options.get("crop", _CROP)
    is_known = (
        not set(options) - set(Preparation._fields[2:])
        and options.get("resize", "plain") in _RESIZES
        and options.get("filter", "bilinear") in _FILTERS
        and options["colours"] in _COLOURS
        and isinstance(crop, (int, float))
        and 0 < crop <= 1
    )
    if not is_known:
        raise ValueError(
            "signature.json: preprocess may have layout, resize (plain or crop or pad), crop "
            f"(above 0, up to 1), filter ({', '.join(_FILTERS)}), colours (RGB, BGR or L), mean "
            f"and scale; saw {seen}"
        )


class PictureDecoder:
    """Decodes picture files of any kind that Pillow knows."""

    def __init__(self) -> None:
        self._pillow = require("PIL.Image", "pillow")
        self._transpose = require("PIL.ImageOps", "pillow").exif_transpose
        self._unidentified = require("PIL", "pillow").UnidentifiedImageError

    def decode(self, content: object) -> Image:
        """Decode a picture file to RGB, as large as it is.

        A picture that says how it is to be turned (Exif) is turned, as OpenCV does for MXNet.

        Raises RequestError for anything but the bytes of a picture, or one that would take too
        much memory: the limit is Pillow's `Image.MAX_IMAGE_PIXELS`.
        """
        if not isinstance(content, (bytes, bytearray)):
            raise RequestError("Expected the bytes of a picture, such as a JPEG or PNG file.")
        if not content:
            raise RequestError("The request has no picture: its body is empty.")
        try:
            picture = self._pillow.open(io.BytesIO(content))
            pixels, limit = picture.width * picture.height, self._pillow.MAX_IMAGE_PIXELS
            if limit is not None and pixels > limit:
                raise self._pillow.DecompressionBombError(f"{pixels} pixels, the limit is {limit}")
            return _to_rgb(self._transpose(picture) or picture)
        except self._pillow.DecompressionBombError as exc:
            raise RequestError(f"The picture is too large: {exc}") from exc
        except self._unidentified as exc:
            raise RequestError(
                f"The {len(content)} bytes are not a picture of a kind that is known here."
            ) from exc
        except MemoryError:  # not the picture's fault: the server answers 507
            raise
        except Exception as exc:  # a decoder may raise anything on bytes made to break it
            raise RequestError(
                f"The picture of {len(content)} bytes cannot be decoded: {exc}"
            ) from exc


class PictureReader:
    """Decodes, converts, scales and normalizes pictures."""

    def __init__(self, preparation: Preparation) -> None:
        self._numpy = require("numpy", "numpy")
        self._pillow = require("PIL.Image", "pillow")
        self._decoder = PictureDecoder()
        self._preparation = preparation
        self._filter = self._pillow.Resampling[preparation.filter.upper()]
        channels = _COLOURS[preparation.colours]
        for name in ("mean", "scale"):
            values = self._numpy.asarray(getattr(preparation, name), self._numpy.float32)
            if values.shape not in ((), (channels,)):
                raise ValueError(
                    f"signature.json: expected one {name} or {channels} of them, saw {values}"
                )

    def read(self, content: object) -> NDArray[np.float32]:
        """Read a picture file: float32 (channels, H, W) or (H, W, channels), as the layout says.

        Raises RequestError as `PictureDecoder.decode` does.
        """
        picture = self._decoder.decode(content)
        return self._to_array(picture.convert("L") if self._preparation.colours == "L" else picture)

    def _to_array(self, picture: Image) -> NDArray[np.float32]:
        numpy, wanted = self._numpy, self._preparation
        pixels: NDArray[np.float32] = numpy.asarray(self._resize(picture), numpy.float32)
        pixels = pixels.reshape(wanted.height, wanted.width, -1)
        if wanted.colours == "BGR":
            pixels = pixels[:, :, ::-1]
        pixels = (pixels - numpy.float32(wanted.mean)) * numpy.float32(wanted.scale)
        return pixels.transpose(2, 0, 1) if wanted.layout == "NCHW" else pixels

    def _resize(self, picture: Image) -> Image:
        size = (self._preparation.width, self._preparation.height)
        if self._preparation.resize == "pad":
            return self._pad(picture)
        box = self._crop_box(picture) if self._preparation.resize == "crop" else None
        return picture.resize(size, self._filter, box)

    def _pad(self, picture: Image) -> Image:
        """Fit the whole picture in, in the middle; what it leaves free has the mean colour."""
        wanted, numpy = self._preparation, self._numpy
        factor = min(wanted.width / picture.width, wanted.height / picture.height)
        size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
        mean = numpy.clip(numpy.float32(wanted.mean), 0, 255)
        ground = [round(float(x)) for x in numpy.broadcast_to(mean, _COLOURS[wanted.colours])]
        if wanted.colours == "BGR":
            ground.reverse()
        whole = self._pillow.new(picture.mode, (wanted.width, wanted.height), tuple(ground))
        place = ((wanted.width - size[0]) // 2, (wanted.height - size[1]) // 2)
        whole.paste(picture.resize(size, self._filter), place)
        return whole  # type: ignore[no-any-return]  # Pillow is imported at run time

    def _crop_box(self, picture: Image) -> tuple[float, float, float, float]:
        """Choose the middle part of a picture that is scaled to the wanted size."""
        wanted = self._preparation
        factor = min(picture.width / wanted.width, picture.height / wanted.height) * wanted.crop
        width, height = wanted.width * factor, wanted.height * factor
        left, top = (picture.width - width) / 2, (picture.height - height) / 2
        return left, top, left + width, top + height


def _to_rgb(picture: Image) -> Image:
    """Convert grey, palette, transparent and 16-bit pictures; what is transparent becomes white."""
    if picture.mode.startswith("I"):
        picture = picture.point(lambda value: value / 256).convert("L")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        ground = picture.copy()
        ground.paste((255, 255, 255, 255), (0, 0, *picture.size))
        ground.alpha_composite(picture)
        picture = ground
    return picture.convert("RGB")
