"""Tells what kind of file some bytes are, with Google's magika model.

The model looks at the first and the last 1,024 bytes. How they are chosen, when the model is not
asked and when its answer is not believed is as in magika 1.0 (google/magika,
`python/src/magika/magika.py`).
"""

from __future__ import annotations

import json
import os
from typing import Any

from mms.context import Context
from mms.handlers.base import Handler, RequestError, find_input, require
from mms.handlers.onnx_session import open_session


class FileTypeHandler(Handler):
    """Answers `label`, `score`, `mime_type`, `group` and `description` of a file's bytes."""

    def initialize(self, context: Context) -> None:
        """Load the model, its configuration and what is known of each label."""
        self._numpy = require("numpy", "numpy")
        folder = context.system_properties["model_dir"]
        self._config = _read_json(folder, "config.min.json")
        self._types = _read_json(folder, "content_types_kb.min.json")
        self._labels = self._config["target_labels_space"]
        self._session = open_session(os.path.join(folder, "model.onnx"))

    def preprocess(self, request: dict[str, Any]) -> Any:
        """Choose the bytes: int32 (2048,), or a label where the model is not to be asked."""
        content = find_input(request, "body", "data")
        if isinstance(content, str):
            content = content.encode()
        if not isinstance(content, (bytes, bytearray)):
            raise RequestError("Expected the bytes of a file.")
        content = bytes(content)
        block = self._config["block_size"]
        if not content:
            return "empty"
        first = content[:block].lstrip()
        if len(first) < self._config["min_file_size_for_dl"]:
            return _text_or_unknown(content[:block])
        return self._features(first, content[-block:].rstrip())

    def inference(self, inputs: list[Any]) -> list[Any]:
        """Run the model once on those that need it: (label, score) for each input."""
        numpy = self._numpy
        answers = [(each, 1.0) if isinstance(each, str) else None for each in inputs]
        asked = [place for place, answer in enumerate(answers) if answer is None]
        if asked:
            batch = numpy.stack([inputs[place] for place in asked])
            scores = self._session.run(["target_label"], {"bytes": batch})[0]
            for place, row in zip(asked, scores):
                best = int(row.argmax())
                answers[place] = (self._labels[best], float(row[best]))
        return answers

    def postprocess(self, output: tuple[str, float]) -> dict[str, Any]:
        """Overrule a label that the model is not sure of, and add what is known of it."""
        label, score = output
        threshold = self._config["thresholds"].get(
            label, self._config["medium_confidence_threshold"]
        )
        name = self._config["overwrite_map"].get(label, label)
        if score < threshold:
            name = "txt" if self._types[name]["is_text"] else "unknown"
        known = self._types[name]
        return {
            "label": name,
            "score": score,
            "mime_type": known["mime_type"],
            "group": known["group"],
            "description": known["description"],
        }

    def _features(self, first: bytes, last: bytes) -> Any:
        """Cut or pad both ends: the first bytes are padded behind, the last ones before."""
        numpy, config = self._numpy, self._config
        features = numpy.full(
            config["beg_size"] + config["end_size"], config["padding_token"], numpy.int32
        )
        head = numpy.frombuffer(first[: config["beg_size"]], numpy.uint8)
        tail = numpy.frombuffer(last[-config["end_size"] :], numpy.uint8)
        features[: len(head)] = head
        features[len(features) - len(tail) :] = tail
        return features


def _text_or_unknown(content: bytes) -> str:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "unknown"
    return "txt"


def _read_json(folder: str, name: str) -> Any:
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return json.load(file)
