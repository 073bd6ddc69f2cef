"""The zoo's models, built once a session from the package index; without it these tests fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from mms_server.zoo.building import build


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("zoo")
    return {name: build(name, folder) for name in ("efficientnet_lite0", "magika")}
