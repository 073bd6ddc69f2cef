"""Serves model-symbol.json with model-0000.params."""

from __future__ import annotations

import os
from typing import Any

from mms.context import Context
from mms.handlers.base import require
from mms.handlers.engine import Engine
from mms.handlers.signature import read_specs
from mms.handlers.tensor_handler import TensorHandler


class Network(Engine):
    """The network, on the worker's GPU or else on the processor."""

    def __init__(self, context: Context, signature: dict[str, Any]) -> None:
        self._mxnet = mx = require("mxnet", "mxnet")
        gpu_id = context.system_properties["gpu_id"]
        self._device = mx.cpu() if gpu_id is None else mx.gpu(gpu_id)
        self.inputs = read_specs(signature, "inputs")
        self.outputs = read_specs(signature, "outputs")
        self._net = self._load(context.system_properties["model_dir"])

    def infer(self, arrays: Any, names: Any) -> list[Any]:
        """Run the network on a batch: the outputs of these names, in order."""
        nd = self._mxnet.nd
        outputs = self._net(
            *(nd.array(arrays[each.name], ctx=self._device) for each in self.inputs)
        )
        values = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        found = {each.name: value.asnumpy() for each, value in zip(self.outputs, values)}
        return [found[name] for name in names]

    def _load(self, folder: str) -> Any:
        prefix = os.path.join(folder, "model")
        return self._mxnet.gluon.SymbolBlock.imports(
            f"{prefix}-symbol.json", ["data"], f"{prefix}-0000.params", ctx=self._device
        )


class Service(TensorHandler):
    """Answers with the network's output, as JSON or, to who accepts it, as an .npy file."""

    def open_engine(self, context: Context, signature: dict[str, Any]) -> Engine:
        """Load the network."""
        return Network(context, signature)

    def postprocess(self, output: dict[str, Any]) -> Any:
        """Turn one request's outputs, arrays by name, into an answer."""
        return super().postprocess(output)
