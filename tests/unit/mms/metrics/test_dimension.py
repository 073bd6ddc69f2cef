"""One dimension."""

from __future__ import annotations

from mms.metrics.dimension import Dimension


def test_forms() -> None:
    dimension = Dimension("Layer", 3)
    assert str(dimension) == "Layer:3"
    assert repr(dimension) == "Dimension('Layer', 3)"
    assert dimension.to_dict() == {"Name": "Layer", "Value": 3}
