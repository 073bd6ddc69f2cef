"""Pictures as MXNet arrays of height, width and channels; MXNet's OpenCV does the work.

The names are those of `mms.utils.mxnet.image` in Multi Model Server.
"""

from __future__ import annotations

import base64
import io
from typing import Any

from mms.handlers.base import require
from mms.handlers.mxnet_runtime import import_mxnet
from mms.service import PredictionException

BILINEAR = 1
AREA = 2
"""Ways to resize, as OpenCV numbers them."""


def read(buf: Any, flag: int = 1, to_rgb: bool = True, out: Any = None) -> Any:
    """Decode a picture file: uint8 (height, width, 3), or (height, width, 1) with `flag` 0.

    Blue comes first unless `to_rgb`. `buf` is bytes, or an array of them; `out` an array to fill.
    Raises MXNetError for what is not a picture.
    """
    return import_mxnet().image.imdecode(buf, flag, to_rgb, out)


def read_request(content: Any) -> Any:
    """Decode a request's picture. Raises PredictionException with 400 for what is not one."""
    if not isinstance(content, (bytes, bytearray)) or not content:
        raise PredictionException("Expected the bytes of a picture, such as a JPEG file.", 400)
    mx = import_mxnet()
    try:
        return read(bytes(content))
    except mx.base.MXNetError as exc:
        raise PredictionException(
            f"The {len(content)} bytes are not a picture of a kind that is known here.", 400
        ) from exc


def write(img_arr: Any, flag: int = 1, format: str = "jpeg", dim_order: str = "CHW") -> str:
    """Encode a picture file and return it as base64 text; needs Pillow.

    The array is (channels, height, width), or as `dim_order` says HWC. `flag` 0 writes grey.
    """
    if dim_order not in ("CHW", "HWC"):
        raise AssertionError("dim_order must be 'CHW' or 'HWC'.")
    pixels = img_arr.asnumpy()
    if dim_order == "CHW":
        pixels = pixels.transpose(1, 2, 0)
    pixels = pixels.astype("uint8")
    if flag != 1:
        pixels = pixels.reshape(pixels.shape[:2])
    file = io.BytesIO()
    require("PIL.Image", "pillow").fromarray(pixels).save(file, format=format)
    return base64.b64encode(file.getvalue()).decode("ascii")


def transform_shape(img_arr: Any, dim_order: str = "NCHW") -> Any:
    """Make a picture a batch of one, (1, channels, height, width) or as `dim_order` says NHWC."""
    if dim_order not in ("NCHW", "NHWC"):
        raise AssertionError("dim_order must be 'NCHW' or 'NHWC'.")
    mx = import_mxnet()
    if dim_order == "NCHW":
        img_arr = mx.nd.transpose(img_arr, (2, 0, 1))
    return mx.nd.expand_dims(img_arr, axis=0)


def resize(src: Any, new_width: int, new_height: int, interp: int = AREA) -> Any:
    """Stretch a picture to a size in pixels."""
    return import_mxnet().image.imresize(src, new_width, new_height, interp)


def fixed_crop(
    src: Any,
    x0: int,
    y0: int,
    w: int,
    h: int,
    size: tuple[int, int] | None = None,
    interp: int = AREA,
) -> Any:
    """Cut a part out of a picture, and stretch it to `size`, (width, height)."""
    return import_mxnet().image.fixed_crop(src, x0, y0, w, h, size, interp)


def color_normalize(src: Any, mean: Any, std: Any = None) -> Any:
    """Subtract a mean and divide by a deviation, each an array of one or three numbers."""
    return import_mxnet().image.color_normalize(src.astype("float32"), mean, std)
