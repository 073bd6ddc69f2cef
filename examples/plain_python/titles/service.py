"""Finds the title most like a text, misspelt as it may be: by the threes of letters they share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_titles: dict[str, set[str]] = {}


def handle(data: list[dict[str, Any]] | None, context: Any) -> list[Any] | None:
    """Load the titles when there is no data yet, then answer batches."""
    if data is None:
        folder = Path(context.system_properties["model_dir"])
        for title in (folder / "titles.txt").read_text(encoding="utf-8").splitlines():
            _titles[title] = threes(title)
        return None
    print(f"{len(data)} requests at once")  # to model_log.log
    return [answer(request.get("body"), context, place) for place, request in enumerate(data)]


def answer(body: Any, context: Any, place: int) -> dict[str, Any]:
    """Answer one request; whoever sent no text gets 400, the others of the batch their titles."""
    text = body.decode(errors="replace") if isinstance(body, (bytes, bytearray)) else body
    if not isinstance(text, str) or not text.strip():
        context.set_response_status(400, "Bad Request", place)
        return {"error": "Send a text."}
    likeness = {title: shared(threes(text), letters) for title, letters in _titles.items()}
    best = max(likeness, key=lambda title: likeness[title])
    return {"title": best, "likeness": round(likeness[best], 2)}


def threes(text: str) -> set[str]:
    """Cut a text into groups of three letters."""
    letters = f"  {text.lower().strip()} "
    return {letters[place : place + 3] for place in range(len(letters) - 2)}


def shared(one: set[str], other: set[str]) -> float:
    """Divide what two texts share by all that they have (the Jaccard index)."""
    return len(one & other) / len(one | other)
