"""The network, as it was trained."""

from __future__ import annotations

from mxnet.gluon import nn


def make_network() -> nn.HybridSequential:
    """Build the network without parameters: (N, 4) to (N, 4)."""
    net = nn.HybridSequential()
    net.add(nn.Dense(4, use_bias=False))
    return net
