"""Progress for the person who waits: on standard error, so that the report can be redirected."""

from __future__ import annotations

import sys


def say(line: str) -> None:
    """Print one line of progress at once."""
    print(line, file=sys.stderr, flush=True)
