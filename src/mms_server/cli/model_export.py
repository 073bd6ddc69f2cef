"""`multi-model-export`: what packed models before `model-archiver` did; it only says so."""

from __future__ import annotations

import sys

_YELLOW, _RESET = "\033[93m", "\033[0m"


def main() -> int:
    """Point to `model-archiver`; returns the exit status, 0 as in Multi Model Server."""
    print(
        f"{_YELLOW}multi-model-export is no longer supported. "
        f"Please use model-archiver to create a model archive.{_RESET}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
