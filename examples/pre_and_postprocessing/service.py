"""Takes pictures as base64 in JSON, and answers whether there is a cat in them."""

from __future__ import annotations

import base64
from typing import Any

from mms.handlers.base import RequestError, find_input
from mms.handlers.onnx_classifier import OnnxImageClassifier

CATS = {"Egyptian cat", "Persian cat", "Siamese cat", "tabby", "tiger cat"}


class CatOrNot(OnnxImageClassifier):
    """The ready-made classifier, with another way in and another way out."""

    def preprocess(self, request: dict[str, Any]) -> Any:
        """Read {"picture": base64}; the rest is done as before."""
        body = find_input(request, "body")
        if not isinstance(body, dict) or not isinstance(body.get("picture"), str):
            raise RequestError('Send {"picture": "base64..."} as application/json.')
        try:
            content = base64.b64decode(body["picture"], validate=True)
        except ValueError as exc:
            raise RequestError(f"The picture is not base64: {exc}.") from exc
        return super().preprocess({"body": content})

    def postprocess(self, output: Any) -> dict[str, Any]:
        """Add up what the best classes say of cats."""
        best = super().postprocess(output)
        chance = sum(each["probability"] for each in best if each["class"] in CATS)
        return {"cat": chance > 0.5, "probability": round(chance, 2)}
