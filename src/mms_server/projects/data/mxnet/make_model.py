"""Makes the model's files, where your training would: a symbol and its parameters."""

from __future__ import annotations

from pathlib import Path

import mxnet as mx

net = mx.gluon.nn.Dense(4, use_bias=False)
net.initialize()
net(mx.nd.zeros((1, 4)))
net.weight.set_data(2 * mx.nd.eye(4))
net.hybridize()
net(mx.nd.zeros((1, 4)))
net.export(str(Path(__file__).parent / "model" / "model"))
