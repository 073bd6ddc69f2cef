"""Markdown tables."""

from __future__ import annotations

import pytest

from benchmarks import table


def test_columns_line_up() -> None:
    assert table.render(["a", "long"], [["wide cell", "1"]]) == [
        "| a         | long |",
        "|-----------|------|",
        "| wide cell | 1    |",
    ]


@pytest.mark.parametrize(
    ("share", "text"), [(1.0, "100"), (0.999999, "99.99"), (0.5, "50.00"), (0.0, "0")]
)
def test_only_the_whole_is_called_100_percent(share: float, text: str) -> None:
    assert table.percent(share) == text
