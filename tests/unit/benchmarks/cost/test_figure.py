from __future__ import annotations

from benchmarks.cost.figure import Figure, render


def _cells(figure: Figure) -> list[str]:
    *_, row = render([figure])
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_the_median_is_shown_with_the_least_and_the_most() -> None:
    figure = Figure("start: s", {"ours": [0.5, 0.75, 3], "mms": [2, 4, 3]}, "a quarter", digits=2)
    assert _cells(figure) == [
        "start: s", "0.75 (0.50-3.00)", "3.00 (2.00-4.00)", "0.25", "a quarter",
    ]  # fmt: skip


def test_a_single_sample_stands_alone() -> None:
    figure = Figure("MiB", {"ours": [1_234.56], "mms": [2_469.12]})
    assert _cells(figure) == ["MiB", "1,234.6", "2,469.1", "0.50", ""]


def test_there_is_no_ratio_to_what_was_not_measured_or_is_nothing() -> None:
    assert _cells(Figure("MiB", {"ours": [1]})) == ["MiB", "1.0", "-", "-", ""]
    assert _cells(Figure("MiB", {"ours": [1], "mms": [0]})) == ["MiB", "1.0", "0.0", "-", ""]
