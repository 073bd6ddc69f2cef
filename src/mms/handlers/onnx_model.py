"""Serves any ONNX model, arrays in and out; an archive that names this handler needs no code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mms.handlers.onnx_session import OnnxEngine
from mms.handlers.tensor_handler import TensorHandler

if TYPE_CHECKING:
    from mms.context import Context
    from mms.handlers.engine import Engine


class OnnxModel(TensorHandler):
    """Answers with the model's outputs, for inputs of the names, types and shapes in its file.

    The folder holds `model.onnx`. A `signature.json` may choose among outputs, and say how to run
    the model: see docs/onnx.md.
    """

    def open_engine(self, context: Context, signature: dict[str, Any]) -> Engine:
        """Open `model.onnx`."""
        return OnnxEngine(context, signature)
