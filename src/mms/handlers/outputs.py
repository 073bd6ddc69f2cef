"""From a model's outputs to an answer: its best classes, or the arrays. Needs numpy."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from mms.handlers.base import find_header, require

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mms.context import Context

NPY = "application/x-npy"
JSON = "application/json"
_ID_LETTERS = 9  # of a WordNet id: n, and eight digits


class Classes:
    """Chooses the best classes by their scores, best first."""

    def __init__(self, labels: Sequence[str], top: int = 5, *, has_logits: bool = False) -> None:
        self._numpy = require("numpy", "numpy")
        self._labels = labels
        self._top = top
        self._has_logits = has_logits

    def probabilities(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn scores (classes,) into probabilities; unless they are logits, they are."""
        if not self._has_logits:
            return scores
        exponents = self._numpy.exp(scores - scores.max())
        return exponents / exponents.sum()  # type: ignore[no-any-return]  # numpy is imported at run time

    def best(self, scores: NDArray[np.float32]) -> list[dict[str, Any]]:
        """Choose: `probability` and `class` of each, the number of a class that has no label."""
        chances = self.probabilities(scores)
        places = chances.argsort()[::-1][: self._top]
        return [
            {"probability": float(chances[place]), "class": self._label(int(place))}
            for place in places
        ]

    def _label(self, place: int) -> str:
        return self._labels[place] if place < len(self._labels) else str(place)


def read_labels(path: str) -> list[str]:
    """Read the class names, without the WordNet ids that may stand first. Raises OSError."""
    with open(path, encoding="utf-8") as file:
        return [_without_id(line) for line in file.read().splitlines()]


def _without_id(line: str) -> str:
    first, _, rest = line.partition(" ")
    is_id = len(first) == _ID_LETTERS and first[0] == "n" and first[1:].isdigit()
    return rest if is_id else line


def wants_npy(context: Context, place: int) -> bool:
    """Tell whether a client prefers numpy's format to JSON, by its Accept header.

    Both at once, or neither: JSON. Source: RFC 9110, section 12.5.1.
    """
    accept = find_header(context, place, "accept")
    return bool(accept) and _quality(accept, NPY) > _quality(accept, JSON)


def _quality(accept: str, kind: str) -> float:
    """Find how welcome a type is, from 0 to 1; the most specific range that covers it counts."""
    found: dict[str, float] = {}
    for part in accept.lower().split(","):
        name, *parameters = (word.strip() for word in part.split(";"))
        found[name] = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                found[name] = _number(parameter[2:])
    for name in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
        if name in found:
            return found[name]
    return 0.0


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def encode_npy(array: NDArray[Any]) -> bytes:
    """Encode an array in numpy's format, version 1.0; it never holds a pickle.

    Raises ValueError for an array of text.
    """
    file = io.BytesIO()
    require("numpy", "numpy").save(file, array, allow_pickle=False)
    return file.getvalue()


def encode_json(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Encode one array as nested lists, several as an object of them, without blanks.

    What is no finite number is null: JSON has neither NaN nor infinities (RFC 8259, section 6).
    """
    try:
        return _dump({name: array.tolist() for name, array in arrays.items()})
    except ValueError:
        return _dump({name: _with_nulls(array).tolist() for name, array in arrays.items()})


def _dump(lists: dict[str, Any]) -> str:
    value = next(iter(lists.values())) if len(lists) == 1 else lists
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _with_nulls(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind != "f":
        return array
    numpy = require("numpy", "numpy")
    return numpy.where(numpy.isfinite(array), array.astype(object), None)  # type: ignore[no-any-return]  # numpy is imported at run time
