"""From an ONNX graph to an MXNet checkpoint: a symbol and its parameters, without MXNet.

Knows the operators of `efficientnet` and no others. The form of a symbol is that of `Symbol.tojson`
in MXNet 1.9: nodes in an order in which inputs come first, attributes as text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from mms_server.errors import InvalidModelError
from mms_server.zoo.mxnet_params import write_params

_MXNET_VERSION = 10901
"""What the symbol says it was made by: 1.9.1, the last one."""


class Checkpoint(NamedTuple):
    """The contents of `NAME-symbol.json` and `NAME-0000.params`."""

    symbol: bytes
    params: bytes


class _Symbol:
    """Collects nodes; each method adds what one ONNX node means and returns its place."""

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        self._weights = weights
        self.used: dict[str, NDArray[Any]] = {}
        self.nodes: list[dict[str, Any]] = []
        self.places: dict[str, int] = {}

    def add(self, operator: str, name: str, inputs: list[int], **attributes: object) -> int:
        node: dict[str, Any] = {"op": operator, "name": name}
        if attributes:
            node["attrs"] = {key: str(value) for key, value in attributes.items()}
        node["inputs"] = [[place, 0, 0] for place in inputs]
        self.nodes.append(node)
        return len(self.nodes) - 1

    def variable(self, name: str) -> int:
        return self.add("null", name, [])

    def place(self, name: str) -> int:
        """Find a value; a weight becomes a variable where it is used first."""
        if name not in self.places:
            self.used[name] = self._weights[name]
            self.places[name] = self.variable(name)
        return self.places[name]

    def convolution(self, node: onnx.NodeProto, attributes: Mapping[str, Any]) -> int:
        source = self.place(node.input[0])
        top, left, bottom, right = attributes["pads"]
        pad = (top, left)
        if (top, left) != (bottom, right):  # Convolution itself pads both ends alike
            width = (0, 0, 0, 0, top, bottom, left, right)
            name = f"{node.name}_pad"
            source = self.add(
                "Pad", name, [source], mode="constant", constant_value=0, pad_width=width
            )
            pad = (0, 0)
        return self.add(
            "Convolution",
            node.name,
            [source, *(self.place(name) for name in node.input[1:])],
            kernel=tuple(attributes["kernel_shape"]),
            num_filter=self._weights[node.input[1]].shape[0],
            num_group=attributes["group"],
            pad=pad,
            stride=tuple(attributes["strides"]),
        )

    def clip(self, node: onnx.NodeProto, _: Mapping[str, Any]) -> int:
        source, low, high = node.input
        limits = {"a_min": float(self._weights[low]), "a_max": float(self._weights[high])}
        return self.add("clip", node.name, [self.place(source)], **limits)

    def add_tensors(self, node: onnx.NodeProto, _: Mapping[str, Any]) -> int:
        return self.add("elemwise_add", node.name, [self.place(name) for name in node.input])

    def average(self, node: onnx.NodeProto, _: Mapping[str, Any]) -> int:
        source = self.place(node.input[0])
        return self.add(
            "Pooling", node.name, [source], global_pool=True, kernel=(1, 1), pool_type="avg"
        )

    def flatten(self, node: onnx.NodeProto, _: Mapping[str, Any]) -> int:
        return self.add("Flatten", node.name, [self.place(node.input[0])])

    def dense(self, node: onnx.NodeProto, _: Mapping[str, Any]) -> int:
        inputs = [self.place(name) for name in node.input]
        classes = self._weights[node.input[1]].shape[0]
        return self.add("FullyConnected", node.name, inputs, num_hidden=classes)

    def softmax(self, node: onnx.NodeProto, attributes: Mapping[str, Any]) -> int:
        axis = attributes["axis"]
        return self.add("softmax", node.name, [self.place(node.input[0])], axis=axis)


_OPERATORS: Mapping[str, Callable[[_Symbol, onnx.NodeProto, Mapping[str, Any]], int]] = {
    "Add": _Symbol.add_tensors,
    "Clip": _Symbol.clip,
    "Conv": _Symbol.convolution,
    "Flatten": _Symbol.flatten,
    "Gemm": _Symbol.dense,
    "GlobalAveragePool": _Symbol.average,
    "Softmax": _Symbol.softmax,
}


def convert(model: onnx.ModelProto) -> Checkpoint:
    """Convert a graph with one input and one output; both keep their names.

    MXNet itself calls the output of a node `prob` by the name `prob_output`. Raises
    InvalidModelError for an operator that is not known here.
    """
    graph = model.graph
    symbol = _Symbol({each.name: numpy_helper.to_array(each) for each in graph.initializer})
    symbol.places[graph.input[0].name] = symbol.variable(graph.input[0].name)
    for node in graph.node:
        if node.op_type not in _OPERATORS:
            raise InvalidModelError(f"The operator {node.op_type} cannot be converted to MXNet.")
        attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        symbol.places[node.output[0]] = _OPERATORS[node.op_type](symbol, node, attributes)
    head = symbol.places[graph.output[0].name]
    params = write_params({f"arg:{name}": array for name, array in symbol.used.items()})
    return Checkpoint(_render(symbol.nodes, head), params)


def _render(nodes: list[dict[str, Any]], head: int) -> bytes:
    document = {
        "nodes": nodes,
        "arg_nodes": [place for place, node in enumerate(nodes) if node["op"] == "null"],
        "node_row_ptr": list(range(len(nodes) + 1)),
        "heads": [[head, 0, 0]],
        "attrs": {"mxnet_version": ["int", _MXNET_VERSION]},
    }
    return json.dumps(document, indent=1).encode() + b"\n"
