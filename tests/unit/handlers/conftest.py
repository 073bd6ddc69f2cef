from __future__ import annotations

from pathlib import Path

import pytest

from support.handlers import ModelFolder, Pictures, Serving


@pytest.fixture
def model(tmp_path: Path) -> ModelFolder:
    """A folder for a model, still empty."""
    return ModelFolder(tmp_path)


@pytest.fixture
def serving() -> Serving:
    return Serving()


@pytest.fixture
def pictures() -> Pictures:
    return Pictures()
