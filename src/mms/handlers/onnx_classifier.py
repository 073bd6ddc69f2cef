"""Classifies pictures with any ONNX model; an archive that names this handler needs no code."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from mms.handlers.base import Handler, find_input, require
from mms.handlers.onnx_session import open_session
from mms.handlers.pictures import PictureReader, read_preparation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mms.context import Context

MODEL_FILE = "model.onnx"
SIGNATURE_FILE = "signature.json"
LABELS_FILE = "synset.txt"
TOP = 5

_ID_LETTERS = 9  # of a WordNet id: n, and eight digits


class OnnxImageClassifier(Handler):
    """Answers the five most probable classes of a picture, best first.

    A request's picture is its input `body`, or `data`, or the one that the signature names, or its
    only one. The model's folder holds three files:

    - `model.onnx`, whose batch dimension is dynamic if the model is served in batches
    - `synset.txt`: one class a line in the order of the model's output, perhaps behind its
      WordNet id, which the answers leave out
    - `signature.json` as in Multi Model Server: `inputs` with `data_name` and `data_shape` (batch
      first, 0 for any size), `outputs` likewise, `input_type`, `output_type`. Two more keys are
      ours. `softmax`: true if the model's output are logits. `preprocess`: an object with

      - `layout`: `NCHW` (default) or `NHWC`
      - `resize`: `plain` (default) stretches the picture; `crop` takes its middle, 7/8 of its
        shorter side
      - `mean`, `scale`: a number, or one for each of red, green and blue; the model's input is
        (pixel - mean) * scale with pixels from 0 to 255. Defaults: 0 and 1/255
    """

    def initialize(self, context: Context) -> None:
        """Load model, signature and labels.

        Raises MissingPackageError, OSError for a missing file, ValueError for files that do not
        fit together, and onnxruntime's own errors for a model that it cannot load.
        """
        self._numpy = require("numpy", "numpy")
        folder = context.system_properties["model_dir"]
        signature = read_signature(os.path.join(folder, SIGNATURE_FILE))
        self._reader = PictureReader(read_preparation(signature))
        self._session = open_session(os.path.join(folder, MODEL_FILE))
        self._input = _name(signature, "inputs", self._session.get_inputs())
        self._output = _name(signature, "outputs", self._session.get_outputs())
        self._has_logits = bool(signature.get("softmax", False))
        self._labels = read_labels(os.path.join(folder, LABELS_FILE))

    def preprocess(self, request: dict[str, Any]) -> NDArray[np.float32]:
        """Decode a picture: float32 (3, H, W) or (H, W, 3), as the signature says."""
        return self._reader.read(find_input(request, "body", "data", self._input))

    def inference(self, inputs: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Run the model once, on float32 (N, ...): float32 (classes,) for each input."""
        (output,) = self._session.run([self._output], {self._input: self._numpy.stack(inputs)})
        return list(output.reshape(len(inputs), -1))

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

    def _label(self, place: int) -> str:
        return self._labels[place] if place < len(self._labels) else str(place)


def read_signature(path: str) -> dict[str, Any]:
    """Read a signature that names at least one input. Raises OSError, ValueError."""
    with open(path, encoding="utf-8") as file:
        try:
            signature: dict[str, Any] = json.load(file)
            first = signature["inputs"][0]
            first["data_name"], first["data_shape"]
        except (ValueError, LookupError, TypeError) as exc:
            raise ValueError(
                f"{path}: expected a JSON object with inputs: [{{data_name, data_shape}}]; {exc!r}"
            ) from exc
    return signature


def read_labels(path: str) -> list[str]:
    """Read the class names, without the WordNet ids that may stand first. Raises OSError."""
    with open(path, encoding="utf-8") as file:
        return [_without_id(line) for line in file.read().splitlines()]


def _without_id(line: str) -> str:
    first, _, rest = line.partition(" ")
    is_id = len(first) == _ID_LETTERS and first[0] == "n" and first[1:].isdigit()
    return rest if is_id else line


def _name(signature: dict[str, Any], side: str, known: list[Any]) -> str:
    """Choose an input or output: the one that the signature names, else the model's first."""
    names = [each.name for each in known]
    wanted = signature[side][0]["data_name"] if signature.get(side) else names[0]
    if wanted not in names:
        raise ValueError(f"{SIGNATURE_FILE} has {wanted!r} in {side}; {MODEL_FILE} has {names}")
    return str(wanted)
