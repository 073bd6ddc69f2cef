"""Serves any PyTorch model, arrays in and out; an archive that names this handler needs no code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mms.handlers.tensor_handler import TensorHandler
from mms.handlers.torch_engine import TorchEngine

if TYPE_CHECKING:
    from mms.context import Context
    from mms.handlers.engine import Engine


class TorchModel(TensorHandler):
    """Answers with the model's outputs. docs/pytorch.md says what the folder holds."""

    def open_engine(self, context: Context, signature: dict[str, Any]) -> Engine:
        """Load the model's file."""
        return TorchEngine(context, signature)
