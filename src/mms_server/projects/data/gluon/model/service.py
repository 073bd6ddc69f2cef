"""Serves the network in network.py, with model.params.

The ready-made handler would do by itself: with mms.handlers.mxnet_model as the handler this file is
not needed. Here is the place to replace one of its steps.
"""

from __future__ import annotations

from typing import Any

from mms.handlers.inputs import Item
from mms.handlers.mxnet_model import MxnetModel


class Service(MxnetModel):
    """Answers with the model's output, as JSON or, to who accepts it, as an .npy file."""

    def preprocess(self, request: dict[str, Any]) -> Item:
        """Read one request. What is raised as RequestError is that client's 400."""
        return super().preprocess(request)

    def postprocess(self, output: dict[str, Any]) -> Any:
        """Turn one request's outputs, arrays by name, into an answer."""
        return super().postprocess(output)
