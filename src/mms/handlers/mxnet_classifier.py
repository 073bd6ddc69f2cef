"""Classifies pictures with any MXNet model; an archive that names this handler needs no code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mms.handlers.image_classifier import ImageClassifier
from mms.handlers.mxnet_engine import open_engine

if TYPE_CHECKING:
    from mms.context import Context
    from mms.handlers.engine import Engine


class MxnetImageClassifier(ImageClassifier):
    """An `ImageClassifier` whose folder holds a checkpoint or a network: see docs/mxnet.md."""

    def open_engine(self, context: Context, signature: dict[str, Any]) -> Engine:
        """Open the checkpoint, or make the network."""
        return open_engine(context, signature)
