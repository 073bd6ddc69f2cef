"""Metrics as JSON."""

from __future__ import annotations

import json

from mms.metrics.dimension import Dimension
from mms.metrics.metric import Metric


class MetricEncoder(json.JSONEncoder):
    """Encode metrics and dimensions: `json.dumps(store.store, cls=MetricEncoder)`."""

    def default(self, o: object) -> object:
        """Encode what the json module does not know; TypeError for anything but ours."""
        if isinstance(o, (Metric, Dimension)):
            return o.to_dict()
        return super().default(o)
