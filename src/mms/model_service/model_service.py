"""Services of Multi Model Server 0.x that need no engine: names and behaviour of its 0.4.

A service handles one request at a time; a batch is answered for its first member only, so models
served by one keep the batch size 1.
"""

from __future__ import annotations

import ast
import json
import logging
import os
import time
from typing import TYPE_CHECKING, Any

from mms.service import PredictionException

if TYPE_CHECKING:
    from mms.context import Context

_JSON = "application/json"
_OTHER_NAMES = ("body", "data")


class ModelService:
    """A model: made with what the archive says, then initialized, then asked for predictions.

    `manifest` is the archive's `MANIFEST.json`; `gpu` a device number or None.
    """

    def __init__(
        self, model_name: str, model_dir: str, manifest: dict[str, Any], gpu: int | None = None
    ) -> None:
        self.ctx: Any = None
        self._context: Context | None = None
        self._signature: Any = None

    def initialize(self, context: Context) -> None:
        """Read the signature that the manifest names. Raises ValueError when it is missing."""
        self._context = context
        self._signature = read_signature(context.system_properties["model_dir"], context.manifest)

    def inference(self, data: list[Any]) -> Any:
        """Answer one request, of which `data` holds the values."""

    def ping(self) -> Any:
        """Say how the model is; no server asks any more."""

    def signature(self) -> Any:
        """Return the parsed signature."""
        return self._signature

    def handle(self, data: list[dict[str, Any]], context: Context) -> list[Any]:
        """Answer a batch of one.

        The value is what the request has under the name of the signature's first input, else its
        `body`, else its `data`. Bytes for the input type `application/json` are a Python literal.
        """
        request = data[0]
        names = (self._signature["inputs"][0]["data_name"], *_OTHER_NAMES)
        value = next((request[name] for name in names if request.get(name) is not None), None)
        if self._signature["input_type"] == _JSON and isinstance(value, (bytes, bytearray)):
            value = _parse_literal(value)
        answer = self.inference([value])
        return answer if isinstance(answer, list) else [answer]


class SingleNodeService(ModelService):
    """A model in one process, served in three steps that a subclass replaces."""

    def inference(self, data: list[Any]) -> Any:
        """Do the three steps, and log how many milliseconds each took."""
        started = time.time()
        prepared = self._preprocess(data)
        preprocessed = time.time()
        outputs = self._inference(prepared)
        inferred = time.time()
        answer = self._postprocess(outputs)
        ended = time.time()
        logging.info("preprocess time: %.2f", (preprocessed - started) * 1000)
        logging.info("inference time: %.2f", (inferred - preprocessed) * 1000)
        logging.info("postprocess time: %.2f", (ended - inferred) * 1000)
        return answer

    def _preprocess(self, data: Any) -> Any:
        return data

    def _inference(self, data: Any) -> Any:
        return data

    def _postprocess(self, data: Any) -> Any:
        return data


def read_signature(model_dir: str, manifest: dict[str, Any] | None) -> Any:
    """Read the signature that a manifest of 0.x names. Raises ValueError when there is none."""
    name = (manifest or {}).get("Model", {}).get("Signature")
    if not name:
        raise ValueError("MANIFEST.json names no Signature in Model.")
    path = os.path.join(model_dir, name)
    if not os.path.isfile(path):
        raise ValueError(f"Signature file is not found: MANIFEST.json names {path}.")
    with open(path, encoding="utf-8") as file:
        try:
            return json.load(file)
        except ValueError as exc:
            raise ValueError(f"{path} is not JSON: {exc}") from exc


def _parse_literal(value: bytes | bytearray) -> Any:
    try:
        return ast.literal_eval(value.decode("utf-8"))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as exc:
        raise PredictionException(f"The input is not a Python literal: {exc}", 400) from exc
