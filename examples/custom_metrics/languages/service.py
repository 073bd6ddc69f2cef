"""Guesses a text's language by its commonest words, and measures what it is asked."""

from __future__ import annotations

from typing import Any

from mms.handlers.base import Handler, RequestError, find_input
from mms.metrics.dimension import Dimension

WORDS = {
    "English": {"the", "and", "of", "to", "is", "in"},
    "German": {"der", "die", "und", "das", "ist", "nicht"},
    "Spanish": {"el", "la", "de", "que", "y", "los"},
}


class Languages(Handler):
    """Answers the language and which share of the words spoke for it."""

    def preprocess(self, request: dict[str, Any]) -> list[str]:
        """Read a text, as words."""
        body = find_input(request, "body")
        text = body.decode(errors="replace") if isinstance(body, (bytes, bytearray)) else body
        if not isinstance(text, str) or not text.strip():
            raise RequestError("Send a text.")
        return text.lower().split()

    def inference(self, inputs: list[list[str]]) -> list[dict[str, Any]]:
        """Count the words of each language."""
        return [guess(words) for words in inputs]

    def respond(self, output: dict[str, Any], context: Any, place: int) -> dict[str, Any]:
        """Answer one request, and say what there is to know about it."""
        language = Dimension("Language", output["language"])
        context.metrics.add_counter("Texts", 1, place, [language])
        context.metrics.add_percent("Evidence", round(100 * output["evidence"]), place)
        return output


def guess(words: list[str]) -> dict[str, Any]:
    """Choose the language whose words there are most of."""
    found = {name: sum(word in known for word in words) for name, known in WORDS.items()}
    best = max(found, key=lambda name: found[name])
    return {"language": best, "evidence": round(found[best] / len(words), 2)}
