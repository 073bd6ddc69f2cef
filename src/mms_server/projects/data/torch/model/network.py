"""The network, as it was trained."""

from __future__ import annotations

import torch


class Network(torch.nn.Module):
    """Multiplies each of `columns` numbers by a weight of its own: (N, columns) to the same."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((columns,), 2.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run the network on a batch."""
        return x * self.weight
