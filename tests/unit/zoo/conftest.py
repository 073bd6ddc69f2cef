"""The zoo's models, built once a session; without a package index these tests fail."""

from __future__ import annotations

import importlib.util
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mms.handlers.base import Handler
from mms_server.zoo.building import build
from mms_server.zoo.catalogue import CATALOGUE
from support.handlers import Serving


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The archives by the names of their models."""
    folder = tmp_path_factory.mktemp("archives")
    return {name: build(name, folder) for name in CATALOGUE}


@pytest.fixture(scope="session")
def models(archives: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The archives, unpacked: a model's folder by its name."""
    folder = tmp_path_factory.mktemp("models")
    for name, archive in archives.items():
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder / name)
    return {name: folder / name for name in archives}


@pytest.fixture(scope="session")
def load_service(models: dict[str, Path]) -> Callable[[str], Handler]:
    """Load the handler that a model's archive brings, by the model's name."""

    def load(name: str) -> Handler:
        path = models[name] / "service.py"
        spec = importlib.util.spec_from_file_location(f"{name}_service", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        (handler,) = (
            each()
            for each in vars(module).values()
            if isinstance(each, type) and each.__module__ == module.__name__
            if issubclass(each, Handler)
        )
        Serving().load(handler, models[name])
        return handler

    return load
