"""The one workload: a five-byte body posted to a model that answers `OK` and does nothing else."""

from __future__ import annotations

import http.client
import json
import urllib.request
from collections.abc import Sequence
from pathlib import Path

BODY = '"hey"'
"""What each request carries: five bytes, application/octet-stream; JSON, for LitServe reads it."""

ANSWER = "OK"
MODEL = "noop"
PATH = f"/predictions/{MODEL}"

HANDLER = f'''"""Answer every request with the same two bytes."""


def handle(data, context):
    return ["{ANSWER}"] * len(data) if data else None
'''
_PROBE_TIMEOUT_S = 5.0


def manifest(model: str) -> str:
    """Return the manifest of a model that `HANDLER` serves."""
    document = {
        "runtime": "python",
        "model": {"modelName": model, "handler": "service:handle"},
        "specificationVersion": "1.0",
        "implementationVersion": "1.0",
        "modelServerVersion": "1.0",
    }
    return json.dumps(document, indent=2)


def write_model(store: Path, model: str = MODEL, code: str = HANDLER) -> None:
    """Put a model, the no-op one unless told otherwise, as a plain directory into the store."""
    path = store / model / "MAR-INF" / "MANIFEST.json"
    path.parent.mkdir(parents=True)
    path.write_text(manifest(model))
    (store / model / "service.py").write_text(code)


def is_answered(url: str, headers: Sequence[str] = ()) -> bool:
    """Say whether one prediction through `url` comes back, at its end, with the expected answer.

    `headers` are further lines of the head. Triton puts a description before the answer.
    """
    request = urllib.request.Request(url, data=BODY.encode())
    for line in ("Content-Type: application/octet-stream", *headers):
        name, _, value = line.partition(": ")
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=_PROBE_TIMEOUT_S) as response:
            return bool(response.read().endswith(ANSWER.encode()))
    except (OSError, http.client.HTTPException):  # an HTTP error status is an OSError too
        return False
