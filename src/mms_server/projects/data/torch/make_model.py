"""Makes the model's file, where your training would: the network's state dict."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

MODEL = Path(__file__).parent / "model"
sys.path.insert(0, str(MODEL))

from network import Network  # noqa: E402 - it is in the model's folder

torch.save(Network(4).state_dict(), MODEL / "model.pt")
