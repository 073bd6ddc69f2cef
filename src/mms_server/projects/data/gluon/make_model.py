"""Makes the model's file, where your training would: the network's parameters."""

from __future__ import annotations

import sys
from pathlib import Path

import mxnet as mx

MODEL = Path(__file__).parent / "model"
sys.path.insert(0, str(MODEL))

from network import make_network  # noqa: E402 - it is in the model's folder

net = make_network()
net.initialize()
net(mx.nd.zeros((1, 4)))
net[0].weight.set_data(2 * mx.nd.eye(4))
net.save_parameters(str(MODEL / "model.params"))
