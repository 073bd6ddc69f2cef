"""The commands of docs/pytorch.md print what the page shows, where torch is installed."""

from __future__ import annotations

import importlib.util

import pytest

from support.pages import ROOT, Walk


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="torch is not installed: it is a gigabyte"
)
def test_commands_print_what_the_page_shows(walk: Walk) -> None:
    assert walk.follow(ROOT / "docs" / "pytorch.md") > 3
