"""Classifies pictures with an MXNet checkpoint.

Needs MXNet, numpy and Pillow. Nothing here is this server's own: Multi Model Server 1.1 runs the
same file.
"""

from __future__ import annotations

import io
import json
import os
from typing import Any

import mxnet as mx
import numpy as np
from PIL import Image

SYMBOL_SUFFIX = "-symbol.json"
EPOCH = 0
MEAN, SCALE = 127.0, 1 / 128
TOP = 5


class PictureError(ValueError):
    """A request has no picture."""


class Classifier:
    """Answers the five most probable classes of each picture of a batch."""

    def __init__(self, context: Any) -> None:
        folder = context.system_properties["model_dir"]
        (prefix,) = (
            name[: -len(SYMBOL_SUFFIX)]
            for name in os.listdir(folder)
            if name.endswith(SYMBOL_SUFFIX)
        )
        with open(os.path.join(folder, "signature.json"), encoding="utf-8") as file:
            self._size: int = json.load(file)["inputs"][0]["data_shape"][2]
        symbol, weights, states = mx.model.load_checkpoint(os.path.join(folder, prefix), EPOCH)
        self._module = mx.mod.Module(
            symbol, data_names=["data"], label_names=None, context=_device(context)
        )
        self._module.bind(
            for_training=False, data_shapes=[("data", (1, 3, self._size, self._size))]
        )
        self._module.set_params(weights, states)
        with open(os.path.join(folder, "synset.txt"), encoding="utf-8") as file:
            self._labels = [line.strip().partition(" ")[2] for line in file]  # without their ids

    def classify(self, data: list[dict[str, Any]], context: Any) -> list[Any]:
        """Answer a batch; who sent no picture gets 400."""
        answers: list[Any] = [None] * len(data)
        pictures, places = [], []
        for place, request in enumerate(data):
            context.set_response_content_type(place, "application/json")
            try:
                pictures.append(_read(request, self._size))
                places.append(place)
            except PictureError as exc:
                context.set_response_status(400, "Bad Request", place)
                answers[place] = json.dumps({"code": 400, "message": str(exc)})
        if pictures:
            for place, scores in zip(places, self._infer(pictures)):
                answers[place] = self._best(scores)
        return answers

    def _infer(self, pictures: list[Any]) -> Any:
        batch = mx.io.DataBatch([mx.nd.array(np.stack(pictures))])
        self._module.forward(batch, is_train=False)
        return self._module.get_outputs()[0].asnumpy()

    def _best(self, scores: Any) -> list[dict[str, Any]]:
        best = scores.argsort()[::-1][:TOP]
        return [{"probability": float(scores[each]), "class": self._labels[each]} for each in best]


def _device(context: Any) -> Any:
    gpu_id = context.system_properties.get("gpu_id")
    return mx.cpu() if gpu_id is None or mx.context.num_gpus() == 0 else mx.gpu(int(gpu_id))


def _read(request: dict[str, Any], size: int) -> Any:
    """Read a picture: float32 (3, size, size), RGB."""
    content = request.get("body") or request.get("data")
    if not isinstance(content, (bytes, bytearray)):
        raise PictureError("Expected the bytes of a picture, as the body or as the field data.")
    try:
        picture = Image.open(io.BytesIO(content)).convert("RGB")
        picture = picture.resize((size, size), Image.Resampling.BILINEAR)
    except Exception as exc:  # a decoder may raise anything on bytes made to break it
        raise PictureError(f"The {len(content)} bytes are not a picture known here.") from exc
    return ((np.asarray(picture, np.float32) - MEAN) * SCALE).transpose(2, 0, 1)


_classifier: Classifier | None = None


def handle(data: list[dict[str, Any]] | None, context: Any) -> list[Any] | None:
    """Load the model when there is no data yet, then answer batches."""
    global _classifier
    if _classifier is None:
        _classifier = Classifier(context)
    return None if data is None else _classifier.classify(data, context)
