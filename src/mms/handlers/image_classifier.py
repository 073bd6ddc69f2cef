"""Classifies pictures; what runs the model is a subclass's to say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from mms.handlers.base import Handler, find_input, require
from mms.handlers.outputs import NPY, Classes, encode_npy, read_labels, wants_npy
from mms.handlers.pictures import PictureReader, read_preparation
from mms.handlers.signature import SIGNATURE_FILE, TensorSpec, choose_specs, find_signature

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mms.context import Context
    from mms.handlers.engine import Engine

LABELS_FILE = "synset.txt"
TOP = 5


class ImageClassifier(Handler):
    """Answers the most probable classes of a picture, best first.

    A request's picture is its input `body`, or `data`, or the one that the signature names, or its
    only one. A client that prefers `application/x-npy` gets the scores of all classes instead:
    float32 (classes,).

    Beside the model, its folder holds `synset.txt`: one class a line in the order of the model's
    output, perhaps behind its WordNet id, which the answers leave out; and `signature.json`, which
    docs/vision.md describes.
    """

    def open_engine(self, context: Context, signature: dict[str, Any]) -> Engine:
        """Load the model in `context.system_properties["model_dir"]`."""
        raise NotImplementedError

    def initialize(self, context: Context) -> None:
        """Load model, signature and labels.

        Raises MissingPackageError, OSError for a missing file, ValueError for files that do not
        fit together, and the engine's own errors for a model that it cannot load.
        """
        self._numpy = require("numpy", "numpy")
        folder = context.system_properties["model_dir"]
        signature = find_signature(folder)
        self._engine = self.open_engine(context, signature)
        self._input = _only_input(signature, self._engine)
        self._output = choose_specs(signature, "outputs", self._engine.outputs)[0].name
        self._reader = PictureReader(read_preparation(_complete(signature, self._input)))
        labels = read_labels(os.path.join(folder, LABELS_FILE))
        self._classes = Classes(
            labels, read_top(signature), has_logits=bool(signature.get("softmax", False))
        )

    def preprocess(self, request: dict[str, Any]) -> NDArray[np.float32]:
        """Decode a picture: float32 (channels, H, W) or (H, W, channels), as the signature says."""
        return self._reader.read(find_input(request, "body", "data", self._input.name))

    def inference(self, inputs: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Run the model once, on an array (N, ...): (classes,) for each input."""
        pictures = self._numpy.stack(inputs).astype(self._input.dtype, copy=False)
        (output,) = self._engine.run({self._input.name: pictures}, [self._output])
        return list(output.reshape(len(inputs), -1))

    def postprocess(self, output: NDArray[np.float32]) -> Any:
        """Choose the best classes."""
        return self._classes.best(output)

    def respond(self, output: NDArray[np.float32], context: Context, place: int) -> Any:
        """Answer with classes, or with the scores for a client that prefers an array."""
        if not wants_npy(context, place):
            return self.postprocess(output)
        context.set_response_content_type(place, NPY)
        return encode_npy(self._classes.probabilities(output))


def read_top(signature: dict[str, Any]) -> int:
    """Read how many classes to answer: `top_k`, 5 unless said. Raises ValueError."""
    top = signature.get("top_k", TOP)
    if not isinstance(top, int) or isinstance(top, bool) or top < 1:
        raise ValueError(f"{SIGNATURE_FILE}: top_k: expected a number from 1, saw {top!r}")
    return top


def _only_input(signature: dict[str, Any], engine: Engine) -> TensorSpec:
    first, *others = choose_specs(signature, "inputs", engine.inputs)
    if others:
        names = ", ".join(each.name for each in (first, *others))
        raise ValueError(f"A classifier gives its model one input, the picture; it has {names}")
    return first


def _complete(signature: dict[str, Any], spec: TensorSpec) -> dict[str, Any]:
    """Add what the model says itself: its shape, and where in it the colours are."""
    options = dict(signature.get("preprocess", {}))
    if len(spec.shape) == 4 and spec.shape[1] not in (1, 3) and spec.shape[3] in (1, 3):
        options.setdefault("layout", "NHWC")
    if spec.dtype.startswith(("uint", "int")):
        options.setdefault("scale", 1)  # such a model takes pixels as they are
    return {
        "inputs": [{"data_name": spec.name, "data_shape": list(spec.shape)}],
        "preprocess": options,
    }
