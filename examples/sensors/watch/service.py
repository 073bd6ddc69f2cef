"""Tells which readings of a sensor are unusual, by what that sensor has sent before."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from mms.handlers.base import Handler, RequestError, find_input

ENOUGH = 4
FAR = 3.0  # standard deviations


@dataclass
class History:
    """Mean and spread of what has come so far, without keeping it (Welford, 1962)."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        """Take in one more reading."""
        self.count += 1
        before = value - self.mean
        self.mean += before / self.count
        self.squares += before * (value - self.mean)

    def is_far(self, value: float) -> bool:
        """Whether a reading is far from the others; not before there are some."""
        if self.count < ENOUGH:
            return False
        return abs(value - self.mean) > FAR * math.sqrt(self.squares / (self.count - 1))


class Watch(Handler):
    """Remembers each sensor for as long as the worker lives."""

    def initialize(self, context: Any) -> None:
        """Begin without a memory."""
        self._histories: dict[str, History] = {}

    def preprocess(self, request: dict[str, Any]) -> tuple[str, float]:
        """Read {"sensor": name, "value": number}."""
        match find_input(request, "body"):
            case {"sensor": str(sensor), "value": int(value) | float(value)}:
                return sensor, float(value)
        raise RequestError('Send {"sensor": "name", "value": number} as application/json.')

    def inference(self, inputs: list[tuple[str, float]]) -> list[dict[str, Any]]:
        """Judge each reading before it is taken in: it must not excuse itself."""
        answers = []
        for sensor, value in inputs:
            history = self._histories.setdefault(sensor, History())
            is_unusual = history.is_far(value)
            history.add(value)
            answers.append({"reading": history.count, "unusual": is_unusual})
        return answers
