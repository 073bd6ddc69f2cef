"""From MXNet arrays to answers.

The names are those of `mms.utils.mxnet.ndarray` in Multi Model Server.
"""

from __future__ import annotations

from typing import Any


def top_probability(data: Any, labels: list[str], top: int = 5) -> list[dict[str, Any]]:
    """Choose the best classes of the first member of a batch, best first.

    `data` is (batch, classes), perhaps with more sizes of 1 behind, or (classes,).
    """
    scores = data.asnumpy()
    scores = scores if scores.ndim == 1 else scores[0].reshape(-1)
    best = scores.argsort(kind="stable")[::-1][:top]
    return [{"probability": float(scores[place]), "class": labels[place]} for place in best]


def top_classes(service: Any, outputs: Any) -> list[list[dict[str, Any]]]:
    """Choose the best classes in each output of a service. Raises AssertionError without labels."""
    if not hasattr(service, "labels"):
        raise AssertionError(
            "Can't find labels attribute. Did you put synset.txt file into "
            "model archive or manually load class label file in __init__?"
        )
    return [top_probability(output, service.labels) for output in outputs]
