"""Metrics as JSON."""

from __future__ import annotations

import json

import pytest

from mms.metrics.dimension import Dimension
from mms.metrics.metric import Metric
from mms.metrics.metric_encoder import MetricEncoder


def test_metrics_and_their_dimensions() -> None:
    metric = Metric("x", 1, "s", [Dimension("Level", "Model")], "r")
    fields = json.loads(json.dumps([metric], cls=MetricEncoder))[0]
    assert fields["MetricName"] == "x"
    assert fields["Dimensions"] == [{"Name": "Level", "Value": "Model"}]


def test_anything_else_is_refused() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        json.dumps(object(), cls=MetricEncoder)
