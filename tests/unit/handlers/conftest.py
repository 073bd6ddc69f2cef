"""Archives of the zoo, unpacked; the package index must be reachable once."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from mms_server.zoo.building import build


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    unpacked = {}
    for name in ("efficientnet_lite0", "magika"):
        with zipfile.ZipFile(build(name, folder)) as archive:
            archive.extractall(folder / name)
        unpacked[name] = folder / name
    return unpacked
