"""Classifies pictures with any ONNX model; an archive that names this handler needs no code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mms.handlers.image_classifier import LABELS_FILE, TOP, ImageClassifier
from mms.handlers.onnx_session import MODEL_FILE, OnnxEngine
from mms.handlers.outputs import read_labels
from mms.handlers.signature import SIGNATURE_FILE, read_signature

if TYPE_CHECKING:
    from mms.context import Context
    from mms.handlers.engine import Engine

__all__ = [
    "OnnxImageClassifier",
    "LABELS_FILE",
    "MODEL_FILE",
    "SIGNATURE_FILE",
    "TOP",
    "read_labels",
    "read_signature",
]


class OnnxImageClassifier(ImageClassifier):
    """An `ImageClassifier` whose folder holds `model.onnx`.

    A model that takes a fixed number of pictures at once is served in batches of any size all the
    same. Without `signature.json` inputs and outputs are the first of the model's own.
    """

    def open_engine(self, context: Context, signature: dict[str, Any]) -> Engine:
        """Open `model.onnx`."""
        return OnnxEngine(context, signature)
