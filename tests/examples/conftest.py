"""Fixtures for tests that run the examples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.mxnet_environment import TIMEOUT_S
from support.pages import Walk


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    """A shell in an empty folder, patient enough for an installation."""
    walking = Walk(tmp_path, TIMEOUT_S)
    yield walking
    walking.close()
