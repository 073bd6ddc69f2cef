"""Serves a model of plain Python."""

from __future__ import annotations

import json
from typing import Any

from mms.context import Context
from mms.handlers.base import Handler, RequestError, find_input


class Doubler(Handler):
    """Doubles four numbers."""

    def initialize(self, context: Context) -> None:
        """Load what the model needs; its files are in this folder."""
        self.folder = context.system_properties["model_dir"]
        self.factor = 2

    def preprocess(self, request: dict[str, Any]) -> list[float]:
        """Read one request. What is raised as RequestError is that client's 400."""
        numbers = find_input(request, "body", "data")
        if isinstance(numbers, (bytes, bytearray, str)):  # the client did not say that it is JSON
            try:
                numbers = json.loads(numbers)
            except ValueError as exc:
                raise RequestError(f"Expected JSON: {exc}") from exc
        if not isinstance(numbers, list) or len(numbers) != 4:
            raise RequestError("Expected a list of four numbers.")
        if not all(isinstance(number, (int, float)) for number in numbers):
            raise RequestError("Expected numbers, and nothing else.")
        return numbers

    def inference(self, inputs: list[list[float]]) -> list[list[float]]:
        """Run the model on the whole batch: one output for each input, in order."""
        return [[self.factor * number for number in numbers] for numbers in inputs]

    def postprocess(self, output: list[float]) -> Any:
        """Turn one output into an answer: anything that JSON can hold."""
        return output
