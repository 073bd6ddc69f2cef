"""The answers of the real server, one file for each module of cases."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from parity.answer import Answer

_FOLDER = Path(__file__).parent / "recorded"


def load(area: str) -> dict[str, list[Answer]]:
    """Return what was recorded for an area, by case; empty if nothing was."""
    return {case: [Answer.of(each) for each in seen] for case, seen in read(area).items()}


def save(area: str, answers: Mapping[str, Sequence[Answer]]) -> None:
    """Write the answers of an area, in the order of the cases' names."""
    write(area, {case: [each.to_json() for each in given] for case, given in answers.items()})


def read(area: str) -> dict[str, list[dict[str, Any]]]:
    """Return the observations recorded for an area, by case; empty if nothing was."""
    path = _FOLDER / f"{area}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def write(area: str, observations: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Write the observations of an area, in the order of the cases' names."""
    ordered = {case: observations[case] for case in sorted(observations)}
    text = json.dumps(ordered, indent=1, ensure_ascii=False)
    (_FOLDER / f"{area}.json").write_text(text + "\n")
