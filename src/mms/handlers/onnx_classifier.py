"""Classifies pictures with any ONNX model; an archive that names this handler needs no code."""

from __future__ import annotations

import io
import json
import os
from typing import TYPE_CHECKING, Any

from mms.handlers.base import Handler, RequestError, find_input, require

if TYPE_CHECKING:
    import numpy as np
    import onnxruntime
    from numpy.typing import NDArray

    from mms.context import Context

MODEL_FILE = "model.onnx"
SIGNATURE_FILE = "signature.json"
LABELS_FILE = "synset.txt"
TOP = 5


class OnnxImageClassifier(Handler):
    """Answers the five most probable classes of a picture, best first.

    The model's folder holds `model.onnx`; `signature.json` as in Multi Model Server (`inputs` with
    `data_name` and `data_shape`, batch first, 0 for any size); and `synset.txt` with one class a
    line, in the order of the model's output, perhaps behind its WordNet id. `signature.json` may
    also have `preprocess`, whose keys are:

    - `layout`: `NCHW` (default) or `NHWC`
    - `resize`: `plain` (default) stretches the picture; `crop` scales its shorter side to
      256/224 of the input's and cuts out the middle
    - `mean`, `scale`: numbers for all channels, or a list for red, green and blue; the input is
      (pixel - mean) * scale with pixels from 0 to 255. Defaults: 0 and 1/255

    The model's output is taken for probabilities, or with `"softmax": true` for logits.
    """

    def initialize(self, context: Context) -> None:
        """Load model, signature and labels. Raises ValueError for what does not fit together."""
        self._numpy = require("numpy", "numpy")
        self._image = require("PIL.Image", "pillow")
        folder = context.system_properties["model_dir"]
        self._session = _open_session(os.path.join(folder, MODEL_FILE))
        with open(os.path.join(folder, SIGNATURE_FILE), encoding="utf-8") as file:
            signature = json.load(file)
        self._input = signature["inputs"][0]["data_name"]
        known = [each.name for each in self._session.get_inputs()]
        if self._input not in known:
            raise ValueError(
                f"{SIGNATURE_FILE} names the input {self._input!r}; {MODEL_FILE} has {known}"
            )
        self._preprocess = Preprocessing(signature)
        self._has_logits = bool(signature.get("preprocess", {}).get("softmax", False))
        self._labels = read_labels(os.path.join(folder, LABELS_FILE))

    def preprocess(self, request: dict[str, Any]) -> NDArray[np.float32]:
        """Decode a picture: float32 (3, H, W) or (H, W, 3), as the signature says."""
        content = find_input(request, "body", "data", self._input)
        if not isinstance(content, (bytes, bytearray)):
            raise RequestError("Expected the bytes of a picture, such as a JPEG or PNG file.")
        picture = self._decode(content)
        return self._preprocess.apply(picture, self._numpy, self._image)

    def inference(self, inputs: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Run the model once: float32 (N, classes)."""
        batch = self._numpy.stack(inputs)
        return list(self._session.run(None, {self._input: batch})[0])

    def postprocess(self, output: NDArray[np.float32]) -> list[dict[str, Any]]:
        """Choose the best classes."""
        if self._has_logits:
            exponents = self._numpy.exp(output - output.max())
            output = exponents / exponents.sum()
        best = output.argsort()[::-1][:TOP]
        return [
            {"probability": float(output[place]), "class": self._label(int(place))}
            for place in best
        ]

    def _decode(self, content: bytes | bytearray) -> Any:
        if not content:
            raise RequestError("The request has no picture: its body is empty.")
        try:
            picture = self._image.open(io.BytesIO(content))
            return _to_rgb(picture)
        except self._image.DecompressionBombError as exc:
            raise RequestError(f"The picture is too large: {exc}") from exc
        except Exception as exc:  # a decoder may raise anything on bytes made to break it
            raise RequestError(
                f"The {len(content)} bytes are not a picture that can be decoded: {exc}"
            ) from exc

    def _label(self, place: int) -> str:
        return self._labels[place] if place < len(self._labels) else str(place)


class Preprocessing:
    """From a decoded picture to the model's input."""

    def __init__(self, signature: dict[str, Any]) -> None:
        options = signature.get("preprocess", {})
        self._layout = options.get("layout", "NCHW")
        self._resize = options.get("resize", "plain")
        self._mean = options.get("mean", 0.0)
        self._scale = options.get("scale", 1 / 255)
        shape = signature["inputs"][0]["data_shape"]
        if len(shape) != 4 or self._layout not in ("NCHW", "NHWC"):
            raise ValueError(
                f"{SIGNATURE_FILE}: expected data_shape of 4 sizes and layout NCHW or NHWC, "
                f"saw {shape} and {self._layout!r}"
            )
        if self._resize not in ("plain", "crop"):
            raise ValueError(f"{SIGNATURE_FILE}: resize is plain or crop, not {self._resize!r}")
        height, width = shape[2:] if self._layout == "NCHW" else shape[1:3]
        self._size = (int(width), int(height))

    def apply(self, picture: Any, numpy: Any, image: Any) -> NDArray[np.float32]:
        """Resize and normalize an RGB picture: float32 (3, H, W) or (H, W, 3)."""
        if self._resize == "crop":
            picture = self._crop(picture, image)
        else:
            picture = picture.resize(self._size, image.Resampling.BILINEAR)
        pixels = numpy.asarray(picture, dtype=numpy.float32)
        pixels = (pixels - numpy.float32(self._mean)) * numpy.float32(self._scale)
        result: NDArray[np.float32] = (
            pixels.transpose(2, 0, 1) if self._layout == "NCHW" else pixels
        )
        return result

    def _crop(self, picture: Any, image: Any) -> Any:
        width, height = self._size
        factor = max(width / picture.width, height / picture.height) * 256 / 224
        size = (
            max(width, round(picture.width * factor)),
            max(height, round(picture.height * factor)),
        )
        picture = picture.resize(size, image.Resampling.BILINEAR)
        left, top = (size[0] - width) // 2, (size[1] - height) // 2
        return picture.crop((left, top, left + width, top + height))


def read_labels(path: str) -> list[str]:
    """Read the class names, without the WordNet ids (n and eight digits) that may stand first."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    return [_without_id(line) for line in lines]


def _without_id(line: str) -> str:
    first, _, rest = line.partition(" ")
    is_id = len(first) == 9 and first[0] == "n" and first[1:].isdigit()
    return rest if is_id else line


def _to_rgb(picture: Any) -> Any:
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


def _open_session(path: str) -> onnxruntime.InferenceSession:
    """Open a model with the threads that the worker was given: OMP_NUM_THREADS, else one."""
    runtime = require("onnxruntime", "onnxruntime")
    options = runtime.SessionOptions()
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    options.intra_op_num_threads = int(threads) if threads.isdigit() else 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
