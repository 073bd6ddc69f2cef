from __future__ import annotations

import argparse

import pytest

from benchmarks import options


def test_lists_are_parted_by_commas() -> None:
    assert options.numbers("1,100") == (1, 100)
    assert options.names("b,a", ("a", "b", "c"), "letter") == ("b", "a")


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "", "1,,2"])
def test_what_is_no_positive_whole_number_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="not a positive whole number"):
        options.numbers(text)


def test_unknown_names_are_told() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="no such letter: x, z"):
        options.names("z,a,x", ("a",), "letter")
