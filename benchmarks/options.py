"""What the commands of the benchmarks take, and how they end when they are told to."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterable
from typing import NoReturn


def number(text: str) -> int:
    """Read a positive whole number. Raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"not a positive whole number: {text}")
    return int(text)


def numbers(text: str) -> tuple[int, ...]:
    """Read positive whole numbers between commas. Raises ArgumentTypeError."""
    return tuple(number(part) for part in text.split(","))


def names(text: str, known: Iterable[str], what: str) -> tuple[str, ...]:
    """Read names between commas, of those that are known. Raises ArgumentTypeError."""
    chosen = tuple(text.split(","))
    if unknown := set(chosen) - set(known):
        raise argparse.ArgumentTypeError(f"no such {what}: {', '.join(sorted(unknown))}")
    return chosen


def exit_on_sigterm() -> None:
    """Unwind when told to end, so that the servers are ended."""
    signal.signal(signal.SIGTERM, _exit)


def _exit(_signal: int, _frame: object) -> NoReturn:
    sys.exit(1)
