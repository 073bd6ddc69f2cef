"""Models of Multi Model Server 0.x: recognised by their manifest, served by their service class.

The rules are those of the `LegacyModelLoader` of Multi Model Server 1.1.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from mms.model_service.model_service import SingleNodeService

if TYPE_CHECKING:
    from types import ModuleType

    from mms.context import Context

MANIFEST = "MANIFEST.json"
"""In the model's folder itself; since 1.0 it lies in `MAR-INF`."""


def is_legacy(model_dir: str) -> bool:
    """Tell whether a folder holds a model of 0.x; a manifest of 1.0 wins over one of 0.x."""
    newer = os.path.join(model_dir, "MAR-INF", MANIFEST)
    return not os.path.exists(newer) and os.path.exists(os.path.join(model_dir, MANIFEST))


def import_file(name: str, path: str) -> ModuleType:
    """Import a service file by its path, whatever else has its name.

    Raises ModuleNotFoundError when it is missing, and what its code raises.
    """
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not os.path.isfile(path):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickles look there
    spec.loader.exec_module(module)
    return module


def is_service(cls: type) -> bool:
    """Tell whether a class is a service, of MXNet's or of none."""
    return issubclass(cls, SingleNodeService)


class LegacyService:
    """A service class that is made, then initialized, when the model is."""

    def __init__(self, cls: type, model_dir: str) -> None:
        self._make: Any = cls
        self._model_dir = model_dir
        self._service: Any = None

    def initialize(self, context: Context) -> None:
        """Make the service; it and its context see the manifest of 0.x as it is in the file."""
        with open(os.path.join(self._model_dir, MANIFEST), encoding="utf-8") as file:
            context.manifest = json.load(file)
        gpu_id = context.system_properties["gpu_id"]
        service = self._make(context.model_name, self._model_dir, context.manifest, gpu_id)
        service.initialize(context)
        self._service = service

    def handle(self, data: list[dict[str, Any]], context: Context) -> Any:
        """Hand a batch to the service."""
        return self._service.handle(data, context)
