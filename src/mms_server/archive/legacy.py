"""`MANIFEST.json` of Multi Model Server 0.x: what it says, in the terms of 1.0. No I/O.

The format is that of its `export_model` (0.4); the mapping is that of Multi Model Server 1.1.
"""

from __future__ import annotations

from mms_server.errors import InvalidModelError

LEGACY_MANIFEST_PATH = "MANIFEST.json"

_VERSION = "snapshot"
_EXTENSIONS = {"parametersFile": "Parameters", "symbolFile": "Symbol"}


def migrate(raw: dict[str, object]) -> dict[str, object]:
    """Turn a manifest of 0.x into one of 1.0, whose fields are still to be checked.

    Raises InvalidModelError for one that names no service: that is the handler.
    """
    model = raw.get("Model")
    if not isinstance(model, dict) or not model.get("Service"):
        raise InvalidModelError("Missing Service entry in MANIFEST.json")
    extensions = {name: model[key] for name, key in _EXTENSIONS.items() if model.get(key)}
    return {
        "model": {
            "modelName": model.get("Model-Name"),
            "description": model.get("Description"),
            "handler": model["Service"],
            "modelVersion": _VERSION,
            "extensions": extensions,
        },
        "engine": _engine(raw.get("Engine")),
    }


def _engine(engine: object) -> dict[str, object] | None:
    version = engine.get("MXNet") if isinstance(engine, dict) else None
    if isinstance(version, int | float):
        return {"engineName": "MXNet", "engineVersion": version}
    return None
