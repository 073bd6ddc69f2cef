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
_RESIZES = ("plain", "crop")
_CHANNELS = 3
_CROP_MARGIN = 256 / 224
"""How much larger than the crop a picture is scaled: custom since AlexNet's 224 out of 256."""


class Preparation(NamedTuple):
    """What a model wants done to a picture; sizes in pixels.

    Its input is (pixel - mean) * scale, with pixels from 0 to 255, and mean and scale one number
    or one for each of red, green and blue.
    """

    width: int
    height: int
    layout: str = "NCHW"
    resize: str = "plain"
    mean: Any = 0.0
    scale: Any = 1 / 255


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
    if channels != _CHANNELS or min(height, width) < 1:
        raise ValueError(
            "signature.json: expected 3 channels, a height and a width in data_shape, "
            f"saw {shape} with layout {layout}"
        )
    unknown = set(options) - set(Preparation._fields[2:])
    if unknown or options.get("resize", "plain") not in _RESIZES:
        raise ValueError(
            "signature.json: preprocess may have layout, resize (plain or crop), mean and scale; "
            f"saw {signature['preprocess']}"
        )
    return Preparation(width, height, **options)


class PictureReader:
    """Decodes, converts, scales and normalizes pictures."""

    def __init__(self, preparation: Preparation) -> None:
        self._numpy = require("numpy", "numpy")
        self._pillow = require("PIL.Image", "pillow")
        self._unidentified = require("PIL", "pillow").UnidentifiedImageError
        self._preparation = preparation
        for name in ("mean", "scale"):
            values = self._numpy.asarray(getattr(preparation, name), self._numpy.float32)
            if values.shape not in ((), (_CHANNELS,)):
                raise ValueError(f"signature.json: expected one {name} or 3 of them, saw {values}")

    def read(self, content: object) -> NDArray[np.float32]:
        """Read a picture file: float32 (3, H, W) or (H, W, 3), as the layout says.

        Raises RequestError for anything but the bytes of a picture, or one that would take too
        much memory: the limit is Pillow's `Image.MAX_IMAGE_PIXELS`.
        """
        if not isinstance(content, (bytes, bytearray)):
            raise RequestError("Expected the bytes of a picture, such as a JPEG or PNG file.")
        if not content:
            raise RequestError("The request has no picture: its body is empty.")
        return self._to_array(self._decode(content))

    def _decode(self, content: bytes | bytearray) -> Image:
        try:
            picture = self._pillow.open(io.BytesIO(content))
            pixels, limit = picture.width * picture.height, self._pillow.MAX_IMAGE_PIXELS
            if limit is not None and pixels > limit:
                raise self._pillow.DecompressionBombError(f"{pixels} pixels, the limit is {limit}")
            return _to_rgb(picture)
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

    def _to_array(self, picture: Image) -> NDArray[np.float32]:
        numpy, wanted = self._numpy, self._preparation
        box = self._crop_box(picture) if wanted.resize == "crop" else None
        bilinear = self._pillow.Resampling.BILINEAR
        picture = picture.resize((wanted.width, wanted.height), bilinear, box)
        pixels: NDArray[np.float32] = numpy.asarray(picture, numpy.float32)
        pixels = (pixels - numpy.float32(wanted.mean)) * numpy.float32(wanted.scale)
        return pixels.transpose(2, 0, 1) if wanted.layout == "NCHW" else pixels

    def _crop_box(self, picture: Image) -> tuple[float, float, float, float]:
        """Choose the middle part of a picture that is scaled to the wanted size."""
        wanted = self._preparation
        factor = min(picture.width / wanted.width, picture.height / wanted.height) / _CROP_MARGIN
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
