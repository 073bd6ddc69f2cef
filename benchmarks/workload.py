"""The one workload: a five-byte body posted to a model that answers `OK` and does nothing else."""

from __future__ import annotations

import http.client
import json
import urllib.request
from pathlib import Path

BODY = "hello"
"""What each request carries: five bytes, application/octet-stream."""

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


def is_answered(url: str) -> bool:
    """Say whether one prediction through `url` comes back with the expected answer."""
    request = urllib.request.Request(
        url, data=BODY.encode(), headers={"Content-Type": "application/octet-stream"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_PROBE_TIMEOUT_S) as response:
            return bool(response.read() == ANSWER.encode())
    except (OSError, http.client.HTTPException):  # an HTTP error status is an OSError too
        return False
