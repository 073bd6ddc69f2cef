"""EfficientNet-Lite as an ONNX graph, from the tensors of a PyTorch state dict.

Lite is EfficientNet without squeeze-and-excitation and with ReLU6 in place of swish, so that it
runs well without a GPU. Sources: Tan and Le, "EfficientNet" (arXiv 1905.11946), table 1, for the
stages; `tensorflow/tpu`, `models/official/efficientnet/lite`, for what Lite changes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

CLASSES = 1000
_OPSET = 17
_IR_VERSION = 9
_EPSILON = 1e-3
"""Of batch normalization; PyTorch's own default is 1e-5, TensorFlow's models have this."""


class _Stage(NamedTuple):
    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
_STEM_CHANNELS = 32
_DIVISOR = 8


class Variant(NamedTuple):
    """One of the family: its pictures are `size` pixels wide and high.

    Source: `efficientnet_lite_builder.py` of the above, `efficientnet_lite_params`.
    """

    width: float
    depth: float
    size: int


VARIANTS = {
    "efficientnet_lite0": Variant(1.0, 1.0, 224),
    "efficientnet_lite1": Variant(1.0, 1.1, 240),
    "efficientnet_lite2": Variant(1.1, 1.2, 260),
}


def stages_of(variant: Variant) -> list[_Stage]:
    """Scale the stages: channels to the nearest multiple of 8, but no less than nine tenths.

    Stem and head keep their channels, the first and the last stage their blocks: that, too, is
    Lite's.
    """
    last = len(_STAGES) - 1
    return [
        stage._replace(
            channels=_round_channels(stage.channels * variant.width),
            repeats=stage.repeats
            if place in (0, last)
            else math.ceil(stage.repeats * variant.depth),
        )
        for place, stage in enumerate(_STAGES)
    ]


def _round_channels(wanted: float) -> int:
    rounded = max(_DIVISOR, int(wanted + _DIVISOR / 2) // _DIVISOR * _DIVISOR)
    return rounded if rounded >= 0.9 * wanted else rounded + _DIVISOR


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Pad so that the output has ceil(size / stride) places; what is odd goes to the end.

    TensorFlow's "SAME". At stride 2 it is lopsided, unlike anything that PyTorch's own symmetric
    padding can express.
    """
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class _Graph:
    """Collects nodes and weights; each method adds a layer and returns its output's name."""

    def __init__(self, tensors: Mapping[str, NDArray[Any]], size: int) -> None:
        self._tensors = tensors
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.size = size
        self.weight("zero", np.float32(0))
        self.weight("six", np.float32(6))

    def weight(self, name: str, values: NDArray[Any] | np.float32) -> str:
        array = np.asarray(values, dtype=np.float32)
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def node(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        output = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def convolution(self, name: str, source: str, norm: str, stride: int = 1) -> str:
        """Add a convolution with the batch normalization behind it folded in."""
        kernel = self._tensors[f"{name}.weight"]
        scale = self._tensors[f"{norm}.weight"] / np.sqrt(
            self._tensors[f"{norm}.running_var"] + _EPSILON
        )
        bias = self._tensors[f"{norm}.bias"] - self._tensors[f"{norm}.running_mean"] * scale
        before, after = same_padding(self.size, kernel.shape[2], stride)
        self.size = -(-self.size // stride)
        is_depthwise = kernel.shape[1] == 1 and "depthwise" in name
        return self.node(
            "Conv",
            [
                source,
                self.weight(f"{name}.weight", kernel * scale[:, None, None, None]),
                self.weight(f"{name}.bias", bias),
            ],
            kernel_shape=kernel.shape[2:],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=kernel.shape[0] if is_depthwise else 1,
        )

    def relu6(self, source: str) -> str:
        return self.node("Clip", [source, "zero", "six"])

    def block(self, index: int, source: str, stage: _Stage, stride: int, channels: int) -> str:
        """Add one mobile inverted bottleneck; `channels` is how many its input has."""
        name = f"_blocks.{index}"
        x = source
        if stage.expansion != 1:
            x = self.relu6(self.convolution(f"{name}._expand_conv", x, f"{name}._bn0"))
        x = self.relu6(self.convolution(f"{name}._depthwise_conv", x, f"{name}._bn1", stride))
        x = self.convolution(f"{name}._project_conv", x, f"{name}._bn2")
        if stride == 1 and channels == stage.channels:
            x = self.node("Add", [x, source])
        return x


def build_graph(
    tensors: Mapping[str, NDArray[Any]], name: str = "efficientnet_lite0"
) -> onnx.ModelProto:
    """Build and check the graph of one of `VARIANTS`.

    Input `data`: float32 (N, 3, size, size), RGB, (pixel - 127) / 128. Output `prob`: float32
    (N, 1000), probabilities in the order of ImageNet-1k. N is any number.
    """
    variant = VARIANTS[name]
    graph = _Graph(tensors, variant.size)
    x = graph.relu6(graph.convolution("_conv_stem", "data", "_bn0", stride=2))
    channels, index = _STEM_CHANNELS, 0
    for stage in stages_of(variant):
        for repeat in range(stage.repeats):
            x = graph.block(index, x, stage, stage.stride if repeat == 0 else 1, channels)
            channels, index = stage.channels, index + 1
    x = graph.relu6(graph.convolution("_conv_head", x, "_bn1"))
    x = graph.node("Flatten", [graph.node("GlobalAveragePool", [x])])
    weight = graph.weight("_fc.weight", tensors["_fc.weight"])
    bias = graph.weight("_fc.bias", tensors["_fc.bias"])
    x = graph.node("Gemm", [x, weight, bias], transB=1)
    graph.nodes.append(helper.make_node("Softmax", [x], ["prob"], name="prob", axis=1))
    return _finish(graph, name)


def _finish(graph: _Graph, name: str) -> onnx.ModelProto:
    size = VARIANTS[name].size
    shape: list[str | int | None] = ["N", 3, size, size]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            name,
            [helper.make_tensor_value_info("data", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("prob", TensorProto.FLOAT, ["N", CLASSES])],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="mms-server",
    )
    onnx.checker.check_model(model, full_check=True)
    return model
