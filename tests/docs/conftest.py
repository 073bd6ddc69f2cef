"""Fixtures for tests that do what pages say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.pages import Walk


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    """A shell in an empty folder; servers that a page leaves running are stopped."""
    walking = Walk(tmp_path)
    yield walking
    walking.close()
