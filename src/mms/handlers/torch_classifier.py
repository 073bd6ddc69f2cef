"""Classifies pictures with any PyTorch model; an archive that names this handler needs no code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mms.handlers.image_classifier import ImageClassifier
from mms.handlers.torch_engine import TorchEngine

if TYPE_CHECKING:
    from mms.context import Context
    from mms.handlers.engine import Engine


class TorchImageClassifier(ImageClassifier):
    """An `ImageClassifier` whose folder holds what `TorchEngine` loads."""

    def open_engine(self, context: Context, signature: dict[str, Any]) -> Engine:
        """Load the model's file."""
        return TorchEngine(context, signature)
