"""EfficientNet-Lite0 as a Gluon network, its batch normalization folded into the convolutions.

A file that an archive holds; the tensors are created in the order in which they are used.
"""

from __future__ import annotations

from typing import Any

from mxnet.gluon import HybridBlock, nn

# repeats, kernel, stride, expansion, channels: Tan and Le, arXiv 1905.11946, table 1
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class Convolution(HybridBlock):  # type: ignore[misc]  # MXNet has no types
    """A convolution with TensorFlow's padding, perhaps with ReLU6 behind it."""

    def __init__(
        self, channels: int, kernel: int, before: int, stride: int = 1, **kinds: bool
    ) -> None:
        super().__init__()
        total = kernel - stride  # every size here is a multiple of its stride
        self._pad = (total // 2, total - total // 2)
        self._has_relu = kinds.get("relu", True)
        groups = before if kinds.get("depthwise") else 1
        self.convolution = nn.Conv2D(channels, kernel, stride, groups=groups, in_channels=before)

    def hybrid_forward(self, F: Any, x: Any) -> Any:  # noqa: N803 - MXNet passes it by this name
        x = F.pad(x, mode="constant", pad_width=(0, 0, 0, 0, *self._pad, *self._pad))
        x = self.convolution(x)
        return F.clip(x, 0, 6) if self._has_relu else x


class Bottleneck(HybridBlock):  # type: ignore[misc]  # as above
    """A mobile inverted bottleneck."""

    def __init__(self, before: int, kernel: int, stride: int, expansion: int, after: int) -> None:
        super().__init__()
        self._is_residual = stride == 1 and before == after
        wide = before * expansion
        self.layers = nn.HybridSequential()
        if expansion != 1:
            self.layers.add(Convolution(wide, 1, before))
        self.layers.add(Convolution(wide, kernel, wide, stride, depthwise=True))
        self.layers.add(Convolution(after, 1, wide, relu=False))

    def hybrid_forward(self, F: Any, x: Any) -> Any:  # noqa: N803 - as above
        y = self.layers(x)
        return y + x if self._is_residual else y


class EfficientNet(HybridBlock):  # type: ignore[misc]  # as above
    """Answers probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.HybridSequential()
        self.layers.add(Convolution(32, 3, 3, 2))
        channels = 32
        for repeats, kernel, stride, expansion, after in STAGES:
            for repeat in range(repeats):
                self.layers.add(
                    Bottleneck(channels, kernel, 1 if repeat else stride, expansion, after)
                )
                channels = after
        self.layers.add(Convolution(1280, 1, channels), nn.GlobalAvgPool2D(), nn.Flatten())
        self.layers.add(nn.Dense(1000, in_units=1280))

    def hybrid_forward(self, F: Any, x: Any) -> Any:  # noqa: N803 - as above
        return F.softmax(self.layers(x))
