"""The zoo's models, built once a session; without a package index these tests fail."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from mms_server.zoo.building import build
from mms_server.zoo.catalogue import CATALOGUE


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
