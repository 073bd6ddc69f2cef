"""The answers of the real server, one file for each module of cases."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from parity.answer import Answer

_FOLDER = Path(__file__).parent / "recorded"


def load(area: str) -> dict[str, list[Answer]]:
    """Return what was recorded for an area, by case; empty if nothing was."""
    path = _FOLDER / f"{area}.json"
    if not path.exists():
        return {}
    recorded = json.loads(path.read_text())
    return {case: [Answer.of(each) for each in answers] for case, answers in recorded.items()}


def save(area: str, answers: Mapping[str, Sequence[Answer]]) -> None:
    """Write what was recorded for an area, in the order of the cases' names."""
    recorded = {case: [each.to_json() for each in answers[case]] for case in sorted(answers)}
    text = json.dumps(recorded, indent=1, ensure_ascii=False)
    (_FOLDER / f"{area}.json").write_text(text + "\n")
