"""Serves any MXNet model, arrays in and out; an archive that names this handler needs no code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mms.handlers.mxnet_engine import open_engine
from mms.handlers.tensor_handler import TensorHandler

if TYPE_CHECKING:
    from mms.context import Context
    from mms.handlers.engine import Engine


class MxnetModel(TensorHandler):
    """Answers with the model's outputs, for the inputs that its signature says.

    The folder holds a checkpoint, or a Gluon network: see docs/mxnet.md.
    """

    def open_engine(self, context: Context, signature: dict[str, Any]) -> Engine:
        """Open the checkpoint, or make the network."""
        return open_engine(context, signature)
